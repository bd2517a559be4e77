// The suites that there are: every file below suites/ is one.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Suite } from './suite.ts'

/** By name. @throws Error when a file exports no suite of its own name. */
export async function readSuites(folder: string): Promise<Suite[]> {
  const files = readdirSync(folder)
    .filter(file => file.endsWith('.ts'))
    .toSorted()
  return Promise.all(
    files.map(async file => {
      const { suite } = (await import(pathToFileURL(path.join(folder, file)).href)) as { suite?: Suite }
      const name = path.basename(file, '.ts')
      if (suite?.name !== name) throw new Error(`${file} has to export const suite with the name "${name}"`)
      return suite
    }),
  )
}

/** @throws Error that names the suites there are. */
export function findSuite(suites: readonly Suite[], name: string): Suite {
  const found = suites.find(suite => suite.name === name)
  if (found) return found
  throw new Error(`there is no suite "${name}"; there are: ${suites.map(suite => suite.name).join(', ')}`)
}

export function renderList(suites: readonly Suite[]): string {
  const width = Math.max(...suites.map(suite => suite.name.length))
  const lines = suites.map(suite => `  ${suite.name.padEnd(width)}  ${suite.summary}\n`)
  return `npm run bench -- SUITE [options]      npm run bench -- SUITE --help\n\n${lines.join('')}`
}

export function renderHelp(suite: Suite): string {
  const options = suite.options
    .split('\n')
    .map(line => `  ${line}\n`)
    .join('')
  return `npm run bench -- ${suite.name} [options]\n\n${suite.summary}\n\n${options}`
}
