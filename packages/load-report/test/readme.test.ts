// The README's tables say what the code does.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { LOAD_REPORT_ERRORS } from '../src/index.ts'
import { REPORT_FIELDS } from '../src/report-fields.ts'
import { completeOptions, SIGNAL_NAMES } from '../src/reporter-options.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

await t.test('the README has every field with its name on the wire and its digits, in their order', async t => {
  const rows = readme.matchAll(/^\| `((?:named_metrics\.)?\w+)` +\| `(\w+)` +\| [^|]+ +\| (\d) +\|/gm)
  t.same(
    Array.from(rows, ([, name, property, digits]) => [name, property, Number(digits)]),
    REPORT_FIELDS.map(({ name, named, property, decimals }) => [
      named ? `named_metrics.${name}` : name,
      property,
      decimals,
    ]),
  )
})

await t.test('the README has every option with its default, every signal and every error code', async t => {
  const { rebuildAfterMs, windowMs } = completeOptions({})
  t.match(readme, new RegExp(`^\\| \`rebuildAfterMs\` +\\| ${rebuildAfterMs} ms `, 'm'))
  t.match(readme, new RegExp(`^\\| \`windowMs\` +\\| ${windowMs} ms `, 'm'))
  const signals = /^Signals have the names.*?\n\n/ms.exec(readme)?.[0] ?? ''
  t.same(
    Array.from(signals.matchAll(/`(\w+)`/g), ([, name]) => name),
    SIGNAL_NAMES,
  )
  for (const [code, sentence] of Object.entries(LOAD_REPORT_ERRORS)) {
    t.match(readme, new RegExp(`^\\| \`${code}\` +\\| ${sentence} +\\|`, 'm'))
  }
})
