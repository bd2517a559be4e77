// Runs one child of `leaks.ts` to its end and gives what it told.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { LeakReport } from './leaks.ts'
import { THRESHOLDS } from './thresholds.ts'

interface TestScope {
  teardown(handler: () => void): unknown
}

/** A child that hangs is killed; on a busy machine one takes up to 15 s. */
const TIMEOUT_MS = 60_000

/** @throws Error when the child ends without a report. */
export async function watchChild(
  t: TestScope,
  scenario: string,
  seed: number,
  rounds: number = THRESHOLDS.rounds,
): Promise<LeakReport> {
  const child = fork(new URL('leaks.ts', import.meta.url), [scenario, String(seed), String(rounds)], {
    execArgv: [`--max-old-space-size=${THRESHOLDS.heapLimitMib}`],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let report: LeakReport | undefined
  child.on('message', message => {
    report = message as LeakReport
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (report === undefined)
    throw new Error(`The child "${scenario}" ended without a report: ${signal ?? `exit code ${code}`}.`)
  return report
}
