import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  createPicker,
  DEFAULT_PICKER_OPTIONS,
  LOAD_BALANCING_ERRORS,
  type PickerOptions,
  STRATEGIES,
  type Strategy,
} from '../src/index.ts'

const sources = { random: { next: () => 0.5 }, clock: { now: () => 0 } }
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

await t.test('every strategy of the list makes a picker that says its name', async t => {
  for (const { name, summary } of STRATEGIES) {
    t.equal(createPicker(name, sources).strategy, name)
    t.match(summary, /^[a-z].{20,100}[^.]$/, 'a summary fits a help text')
  }
})

await t.test('an unknown strategy is refused with the known ones', async t => {
  t.throws(() => createPicker('least-conn' as Strategy, sources), {
    code: 'LOAD_BALANCING_ERR_STRATEGY',
    message: /"least-conn".*least-connections/,
  })
})

await t.test('an option of any strategy is checked, whichever strategy is made', async t => {
  const refused: readonly object[] = [
    { scanLimit: 0 },
    { scanLimit: 1.5 },
    { scanLimit: '16' },
    { scanLimit: undefined },
    { latencyDecayMs: 0 },
    { latencyDecayMs: Number.NaN },
    { hashLoadFactor: 0.99 },
    { hashSeed: 2 ** 32 },
    { hashSeed: 0.5 },
    { reportBlackoutMs: -1 },
    { reportExpiryMs: Infinity },
    { reportUpdateMs: 60_001 },
    { reportErrorPenalty: -0.1 },
    { latencyDecay: 5 },
    { toString: 5 },
  ]
  for (const options of refused) {
    const [name] = Object.keys(options)
    t.throws(
      () => createPicker('random', sources, options as Partial<PickerOptions>),
      { code: 'LOAD_BALANCING_ERR_OPTION', message: new RegExp(name!) },
      JSON.stringify(options),
    )
  }
  for (const { name } of STRATEGIES)
    t.ok(createPicker(name, sources, { ...DEFAULT_PICKER_OPTIONS, hashLoadFactor: Infinity }))
})

await t.test('the README has every strategy, every option with its default, and every error code', async t => {
  for (const { name } of STRATEGIES) t.match(readme, new RegExp(`^\\| \`${name}\` `, 'm'))
  for (const [name, value] of Object.entries(DEFAULT_PICKER_OPTIONS)) {
    t.match(readme, new RegExp(`^\\| \`${name}\` +\\| +${value}\\b`, 'm'))
  }
  for (const [code, meaning] of Object.entries(LOAD_BALANCING_ERRORS)) {
    const row = readme.split('\n').find(line => line.includes(`\`${code}\``))
    t.ok(row?.includes(meaning), `${code}: ${meaning}`)
  }
})
