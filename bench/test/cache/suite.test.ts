// The suite's own way from its options to its figures; each part has tests beside it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { suite } from '../../src/suites/cache.ts'
import type { BenchIo } from '../../src/suite.ts'

const temporary = mkdtempSync(path.join(tmpdir(), 'plimsoll-bench-'))
t.teardown(() => rmSync(temporary, { recursive: true, force: true }))

/** What was written and kept. */
class RecordedIo {
  text = ''
  figures: Readonly<Record<string, unknown>> | undefined

  io(...args: string[]): BenchIo {
    return {
      args,
      checkout: path.resolve(import.meta.dirname, '../../..'),
      nodePath: process.execPath,
      env: process.env,
      temporary,
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

await t.test('the hit ratios of short traces: tables, a chart, figures', async t => {
  const recorded = new RecordedIo()
  await suite.run(recorded.io('--quick', '--only', 'hit-ratio'))
  t.match(recorded.text, /exactly the simulated hits/)
  t.match(recorded.text, /keys +exponent +any size +100 entries +500 entries +1,000 entries +three tiers/)
  t.match(recorded.text, /80 % of all +90 % of all +95 % of all/)
  t.match(recorded.text, /100 % │/)
  t.match(recorded.text, /the file\n$/)
  const laws = Array.from({ length: 8 }, () => ({ reads: 5_000 }))
  t.match(recorded.figures, { effort: { quick: true }, parts: { 'hit-ratio': { reads: 5_000, figures: laws } } })
})

await t.test('options that mean nothing are refused before anything is measured', async t => {
  const recorded = new RecordedIo()
  await t.rejects(suite.run(recorded.io('--only', 'hitz')), /there is no part "hitz"; there are: hits, stampede, hit-/)
  await t.rejects(suite.run(recorded.io('--rounds', '0')), /--rounds has to be a whole number above 0/)
  t.equal(recorded.text, '')
  t.equal(recorded.figures, undefined)
})
