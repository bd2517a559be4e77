import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { SINS } from '../../src/naive/setting.ts'

await t.test("the README's table says what's wrong with the naive service, no more and no less", t => {
  const readme = readFileSync(path.resolve(import.meta.dirname, '../../README.md'), 'utf8')
  const [, section = ''] = readme.split('**Before** is')
  const [table = ''] = section.split('**Ours** is')
  const rows = Array.from(table.matchAll(/^\| (.*) \|$/gm), ([, row = '']) => row.split(' | ').map(cell => cell.trim()))
  const [, , ...described] = rows
  t.same(
    described,
    SINS.map(({ what, here, report, requirement }) => [what, here, report, requirement]),
  )
  t.end()
})
