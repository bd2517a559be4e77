import { format } from 'oxfmt'
import t from 'tap'
import { Type } from 'typebox'
import { renderOptionTable } from '@plimsoll/config'

const schema = Type.Object({
  listen: Type.String({ description: 'Address, host:port.', default: '127.0.0.1:8080', env: ['LISTEN', 'PORT'] }),
  upstream: Type.Array(
    Type.Object({
      url: Type.String({ description: 'Where it is.' }),
      weight: Type.Integer({ description: 'Its share', default: 1, minimum: 1, maximum: 1000 }),
    }),
    { description: 'Servers.', default: [], fromText: (text: string) => ({ url: text }) },
  ),
  health: Type.Object({
    intervalMs: Type.Integer({
      description: 'Time between two checks',
      unit: 'ms',
      zero: 'no checks',
      when: 'Raise it for many endpoints.',
      default: 2000,
      minimum: 0,
    }),
    path: Type.Optional(Type.String({ description: 'Path to ask.', pattern: '^/|^$' })),
    enabled: Type.Boolean({ description: 'Whether to check.', default: true }),
  }),
  mode: Type.Union([Type.Literal('a'), Type.Literal('b|c')], { description: 'Mode.' }),
  token: Type.String({ description: 'Token.', secret: true, default: 'changeme' }),
  labels: Type.Record(Type.String(), Type.String(), { description: 'Labels.', default: {} }),
})

await t.test('every option and every key inside one has its row', async t => {
  const rows = renderOptionTable(schema)
    .split('\n')
    .map(line => line.split(/ *(?<!\\)\| */).slice(1, -1))
  t.strictSame(rows.slice(2), [
    ['`listen`', '`--listen`, `LISTEN`, `PORT`', '', '`127.0.0.1:8080`', '', 'Address, host:port.'],
    ['`upstream`', '`--upstream`', '', 'none', '', 'Servers.'],
    ['`upstream[].url`', 'inside the value', '', 'required', '', 'Where it is.'],
    ['`upstream[].weight`', 'inside the value', '', '`1`', 'from 1 to 1000', 'Its share.'],
    [
      '`health.intervalMs`',
      '`--health.interval-ms`',
      'ms',
      '`2000`',
      'from 0 up',
      'Time between two checks. 0: no checks. Raise it for many endpoints.',
    ],
    ['`health.path`', '`--health.path`', '', 'not set', '`matches /^\\/\\|^$/`', 'Path to ask.'],
    ['`health.enabled`', '`--[no-]health.enabled`', '', '`true`', 'true or false', 'Whether to check.'],
    ['`mode`', '`--mode`', '', 'required', '`a`, `b\\|c`', 'Mode.'],
    ['`token`', '`--token`', '', '`•••`', '', 'Token.'],
    ['`labels`', 'only in the file', '', '`{}`', '', 'Labels.'],
  ])
})

await t.test('it is formatted as the formatter does', async t => {
  const table = renderOptionTable(schema)
  t.equal((await format('table.md', table, { printWidth: 120 })).code, `${table}\n`)
})

await t.test('an option without a description is refused: a table that says nothing helps nobody', async t => {
  const silent = Type.Object({
    a: Type.String(),
    b: Type.Array(Type.Object({ c: Type.String() }), { description: 'B.' }),
  })
  t.throws(() => renderOptionTable(silent), {
    code: 'CONFIG_ERR_SCHEMA_INVALID',
    issues: [{ path: 'a' }, { path: 'b[].c' }],
  })
})
