// The README's tables say what the code does.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { createClientKeys, RATE_LIMIT_ERRORS } from '../src/index.ts'
import { completeOptions } from '../src/store-options.ts'
import { Windows } from '../src/windows.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const rule = (limit: number, windowMs: number) => ({ name: 'a', limit, windowMs, perScope: false, maxKeys: 1 })

await t.test('the README has every option with its default and every error code', async t => {
  const { maxKeys, cellsPerKey } = completeOptions({ rules: [rule(1, 1)] })
  t.match(readme, new RegExp(`^\\| \`maxKeys\` +\\| ${maxKeys.toLocaleString('en')} `, 'm'))
  t.match(readme, new RegExp(`^\\| \`cellsPerKey\` +\\| ${cellsPerKey} `, 'm'))
  for (const [code, sentence] of Object.entries(RATE_LIMIT_ERRORS)) {
    t.match(readme, new RegExp(`^\\| \`${code}\` +\\| ${sentence} +\\|`, 'm'))
  }
})

await t.test('the README has the cells of the rules it names, and the keys of the addresses', async t => {
  t.equal(new Windows(rule(1000, 900_000), 64, 1).mergeMs, 14_286)
  t.match(readme, '| cells of 14.3 s ')
  t.equal(new Windows(rule(100, 60_000), 64, 1).mergeMs, 953)
  t.match(readme, '| cells of 0.95 s ')
  t.equal(new Windows(rule(10, 60_000), 64, 1).mergeMs, 1)
  const table = /^## Client keys\n.*?^## /ms.exec(readme)?.[0] ?? ''
  const rows = [...table.matchAll(/^\| (`.*`) +\| `([^`]+)` +\|$/gm)]
  t.equal(rows.length, 2)
  for (const [, addresses = '', key] of rows) {
    for (const [, address] of addresses.matchAll(/`([^`]+)`/g)) t.equal(createClientKeys()(address), key)
  }
})
