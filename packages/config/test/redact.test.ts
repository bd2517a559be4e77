import t from 'tap'
import { Type } from 'typebox'
import { redact } from '@plimsoll/config'

const schema = Type.Object({
  token: Type.Optional(Type.String({ secret: true })),
  database: Type.Object({ url: Type.String(), pool: Type.Integer() }),
  keys: Type.Array(Type.String({ secret: true })),
  mail: Type.Object({ host: Type.String(), password: Type.String() }, { secret: true }),
  targets: Type.Array(
    Type.Union([
      Type.Object({ kind: Type.Literal('a'), key: Type.String({ secret: true }) }),
      Type.Object({ kind: Type.Literal('b'), name: Type.String() }),
    ]),
  ),
  headers: Type.Record(Type.String(), Type.String({ secret: true })),
})

await t.test('secrets are replaced wherever they are, and everything else is as it was', async t => {
  const config = {
    token: 'hunter2',
    database: { url: 'postgres://app:hunter2@db/shop', pool: 5 },
    keys: ['hunter2', 'hunter2'],
    mail: { host: 'h', password: 'hunter2' },
    targets: [
      { kind: 'a', key: 'hunter2' },
      { kind: 'b', name: 'n' },
    ],
    headers: { authorization: 'hunter2' },
  }
  const before = structuredClone(config)
  const redacted = redact(config, schema)
  t.strictSame(redacted, {
    token: '•••',
    database: { url: 'postgres://app:•••@db/shop', pool: 5 },
    keys: ['•••', '•••'],
    mail: '•••',
    targets: [
      { kind: 'a', key: '•••' },
      { kind: 'b', name: 'n' },
    ],
    headers: { authorization: '•••' },
  })
  t.strictSame(config, before)
})

await t.test(
  'an absent secret stays absent, and keys beyond the schema are copied without their passwords',
  async t => {
    t.strictSame(
      redact({ keys: [], extra: { url: 'redis://:hunter2@c', at: new URL('http://u:hunter2@h/') } }, schema),
      {
        keys: [],
        extra: { url: 'redis://:•••@c', at: 'http://u:•••@h/' },
      },
    )
  },
)
