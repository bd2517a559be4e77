// What a suite gets from a test that runs it: real programs, an empty folder, and everything that it writes and keeps.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestScope } from '@plimsoll/testing'
import type { BenchIo } from '../src/suite.ts'

export class RecordedIo {
  text = ''
  figures: Readonly<Record<string, unknown>> | undefined
  readonly #temporary: string

  /** The folder goes with the test. */
  constructor(t: TestScope) {
    this.#temporary = mkdtempSync(path.join(tmpdir(), 'plimsoll-bench-'))
    t.teardown(() => rmSync(this.#temporary, { recursive: true, force: true }))
  }

  io(...args: string[]): BenchIo {
    return {
      args,
      checkout: path.resolve(import.meta.dirname, '../..'),
      nodePath: process.execPath,
      env: process.env,
      temporary: this.#temporary,
      signal: new AbortController().signal,
      write: text => {
        this.text += text
      },
      save: figures => {
        this.figures = figures
        return 'the file'
      },
    }
  }
}
