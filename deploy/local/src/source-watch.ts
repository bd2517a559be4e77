// Tells of changed sources, for `npm run dev`. A burst of changes (a save of many files, a branch switch) is told once.
import { watch } from 'node:fs'
import path from 'node:path'

const QUIET_MS = 150
const SOURCE = /(^|\/)src\/.*\.(ts|sql|json)$|(^|\/)migrations\/.*\.sql$/

/** Calls back with the path of the first changed file, relative to the checkout. The watch lives as long as the process. */
export function watchSources(checkout: string, onChange: (file: string) => void): void {
  let timer: NodeJS.Timeout | null = null
  let first = ''
  for (const folder of ['apps', 'packages']) {
    watch(path.join(checkout, folder), { recursive: true }, (_event, name) => {
      if (name === null || !SOURCE.test(name.split(path.sep).join('/'))) return
      if (!timer) first = path.join(folder, name)
      else clearTimeout(timer)
      timer = setTimeout(() => {
        timer = null
        onChange(first)
      }, QUIET_MS)
    })
  }
}
