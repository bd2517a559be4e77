// What was really done, read from the workers' files once all of them have ended.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ledgerLine } from './service/service-protocol.ts'

export interface Ledger {
  /** How often each request was carried out, by "METHOD id". */
  readonly done: ReadonlyMap<string, number>
  /** By "POST id", the processes at which it arrived, one entry per arrival. */
  readonly begun: ReadonlyMap<string, readonly string[]>
}

/** One file per process, `<name>.log`. */
export function readLedger(folder: string): Ledger {
  const done = new Map<string, number>()
  const begun = new Map<string, string[]>()
  for (const file of readdirSync(folder)) {
    const name = path.basename(file, '.log')
    // Whole lines only: each is one write.
    for (const line of readFileSync(path.join(folder, file), 'latin1').split('\n').slice(0, -1)) {
      const [step = '', method = '', id = ''] = line.split(' ')
      const key = `${method} ${id}`
      if (step === 'done') done.set(key, (done.get(key) ?? 0) + 1)
      else if (step === 'begun') begun.set(key, [...(begun.get(key) ?? []), name])
      else
        throw new Error(
          `${file} has a line that isn't of the form "${ledgerLine('done', 'POST', 'ID').trim()}": ${line}`,
        )
    }
  }
  return { done, begun }
}
