// What this process takes from now on: time, CPU time of all its threads, statements.
import { readFileSync } from 'node:fs'
import type { ClosedLoopResult } from './client-protocol.ts'
import type { Reader } from './readers.ts'

export class Meter {
  readonly #reader: Reader
  readonly #startedAtMs = performance.now()
  readonly #cpuBefore = process.cpuUsage()
  readonly #waitedBeforeMs = waitedForCoreMs()
  readonly #statementsBefore: number | null

  constructor(reader: Reader) {
    this.#reader = reader
    this.#statementsBefore = reader.statements()
  }

  read(): Omit<ClosedLoopResult, 'reads'> {
    const { user, system } = process.cpuUsage(this.#cpuBefore)
    const statements = this.#reader.statements()
    return {
      seconds: (performance.now() - this.#startedAtMs) / 1000,
      cpuUs: user + system,
      waitedForCoreMs: waitedForCoreMs() - this.#waitedBeforeMs,
      statements: statements === null || this.#statementsBefore === null ? null : statements - this.#statementsBefore,
    }
  }
}

/** How long the main thread could have run and had no core: the second figure of /proc/self/schedstat, in ns. 0 where there's none. */
function waitedForCoreMs(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
