// What the test run prints, a reporter of Node's test runner: one line per test file as it ends; then what was skipped, everything that's known of the files
// that failed, and the sum.
//
// Node tells of a file's end at once, and of what was in it in the order in which the files were given: so the details come last.
import path from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect, stripVTControlCharacters } from 'node:util'

/** Kept of a file's output, in characters; the end counts. */
const MAX_OUTPUT = 60_000

class FileRecord {
  ending: string | undefined
  output = ''
  readonly skips: string[] = []
  readonly failures: string[] = []
}

export default async function* fileReport(events: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  const records = new Map<string, FileRecord>()
  const recordOf = (data: object): FileRecord => {
    const file: unknown = Reflect.get(data, 'entryFile') ?? Reflect.get(data, 'file')
    const name = path.relative(process.cwd(), String(file))
    const known = records.get(name) ?? new FileRecord()
    records.set(name, known)
    return known
  }
  const remarks: string[] = []
  let passed = 0
  let asserts = 0
  for await (const event of events) {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      const record = recordOf(event.data)
      record.output = (record.output + event.data.message).slice(-MAX_OUTPUT)
    } else if (event.type === 'test:pass') {
      const { skip, details, name } = event.data
      // Without a reason it's a test without asserts, which tap calls so: it ran, and fails by throwing.
      if (typeof skip === 'string') recordOf(event.data).skips.push(`${name}: ${skip}`)
      else if (details.type !== 'suite') asserts += 1
    } else if (event.type === 'test:fail') {
      const { details, name } = event.data
      // A test that failed because of what's in it says nothing new.
      if (details.type !== 'suite') recordOf(event.data).failures.push(`${name}\n${inspect(details.error)}`)
    } else if (event.type === 'test:complete') {
      // Of a file; a test in it has no such event.
      const { details, file, name } = event.data
      if (details.passed) passed += 1
      else recordOf(event.data).ending = inspect(details.error)
      const seconds = (details.duration_ms / 1000).toFixed(1).padStart(6)
      yield `${details.passed ? 'ok    ' : 'NOT OK'} ${seconds} s  ${path.relative(process.cwd(), file ?? name)}\n`
    } else if (event.type === 'test:coverage') {
      const { coveredLinePercent, coveredBranchPercent, coveredFunctionPercent } = event.data.summary.totals
      const percents = [coveredLinePercent, coveredBranchPercent, coveredFunctionPercent].map(one => one.toFixed(1))
      remarks.push(`covered: ${percents[0]} % of lines, ${percents[1]} % of branches, ${percents[2]} % of functions\n`)
    } else if (event.type === 'test:diagnostic' && event.data.message.includes('does not meet threshold')) {
      remarks.push(`${event.data.message}\n`)
    }
  }
  let failed = 0
  for (const [name, { ending, failures, skips, output }] of records) {
    if (skips.length > 0) yield `\nSKIPPED in ${name}\n${skips.map(skip => `  ${skip}\n`).join('')}`
    if (ending === undefined) continue
    failed += 1
    const said = `\n${'─'.repeat(20)} ${name}\n${[...failures, ending].join('\n')}\n${output}\n`
    // Colours are for who looks at it now.
    yield process.stdout.isTTY ? said : stripVTControlCharacters(said)
  }
  yield `\n${remarks.join('')}${passed} files passed, ${failed} failed, ${asserts} asserts passed\n`
}
