import { readFileSync } from 'node:fs'
import t from 'tap'
import { CONFIG_ERRORS, ConfigError, renderErrorTable, replaceMarked } from '@plimsoll/config'

await t.test('the table of codes in the README is the one of the code', async t => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  t.equal(replaceMarked(readme, 'errors', renderErrorTable(CONFIG_ERRORS)), readme)
})

await t.test('an error is one line for one problem, and a heading with a line each for several', async t => {
  const issue = { code: 'CONFIG_ERR_INVALID_VALUE', path: 'a', source: 'flag', message: 'flag --a: is wrong' } as const
  t.equal(new ConfigError([issue]).message, 'flag --a: is wrong')
  const several = new ConfigError([{ ...issue, code: 'CONFIG_ERR_MISSING_VALUE' }, issue])
  t.equal(several.code, 'CONFIG_ERR_MISSING_VALUE')
  t.equal(several.message, '2 problems in the configuration:\n  flag --a: is wrong\n  flag --a: is wrong')
  t.ok(several instanceof Error)
})
