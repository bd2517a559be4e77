import { format } from 'oxfmt'
import t from 'tap'
import { code, markdownTable } from '../src/markdown-table.ts'

await t.test('a table is left as it is by the formatter, whatever stands in its cells', async t => {
  const hard = [
    'plain text, ± 10 %',
    'http://host:port[,weight=N] or unix:/path.',
    '<host:port> and `code | <b>` and a | pipe',
    '*stars* and 2 * 3 and snake_case and _underlined_ words',
    'back\\slash, [a link](x), ![image](y), # heading, 1. list, - dash, ~~gone~~',
    'new\nline   and   spaces ',
    '',
    'https://example.org/?a=b&c=d and a@b.example',
    code('a|b'),
    '"quotes" and \'these\' & < > &lt;',
  ]
  const table = markdownTable(
    ['a', 'longer heading'],
    hard.flatMap(cell => [
      [cell, 'x'],
      ['y', cell],
    ]),
  )
  t.equal((await format('table.md', table, { printWidth: 120 })).code, `${table}\n`)
})

await t.test('every row has as many cells as the header', async t => {
  const table = markdownTable(['a', 'b'], [['|', '`|`'], ['only']])
  for (const line of table.split('\n')) t.equal(line.split(/(?<!\\)\|/).length, 4, line)
})
