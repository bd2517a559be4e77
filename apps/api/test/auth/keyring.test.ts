import t from 'tap'
import { checkKeyring, readKeyring } from '../../src/auth/keyring.ts'

const A = Buffer.alloc(32, 'a')
const B = Buffer.alloc(48, 'b')
const text = (sign: unknown, keys: unknown) => JSON.stringify({ sign, keys })

await t.test('keys are read with their ids, and which one signs', async t => {
  const keyring = readKeyring(text('b-2', { a_1: A.toString('base64url'), 'b-2': B.toString('base64url') }))
  t.equal(keyring.sign, 'b-2')
  t.same(
    [...keyring.keys],
    [
      ['a_1', A],
      ['b-2', B],
    ],
  )
})

await t.test('unusable ones are refused, and nothing of a secret is told', async t => {
  const secret = A.toString('base64url')
  for (const refused of [
    '',
    '{',
    `{"sign":"a","keys":{"a":"${secret}"`,
    'null',
    '[]',
    text(1, { a: secret }),
    text('a', [secret]),
    text('a', {}),
    text('b', { a: secret }),
    text('a', { a: secret.slice(0, 42) }),
    text('a', { a: `${secret} ` }),
    text('a', { a: '' }),
    text('a', { a: 1 }),
    text('a', { a: secret, b: secret }),
    text('../a', { '../a': secret }),
    text('', { '': secret }),
    text('x'.repeat(65), { ['x'.repeat(65)]: secret }),
    text('toString', {}),
  ]) {
    try {
      readKeyring(refused)
      t.fail(`accepted: ${refused}`)
    } catch (error) {
      t.match(error, { code: 'API_ERR_SIGNING_KEYS' }, refused.slice(0, 30))
      t.notOk(String(error).includes(secret.slice(0, 12)), 'nothing of the secret')
      t.equal((error as Error).cause, undefined)
    }
  }
  t.throws(() => checkKeyring({ sign: 'a', keys: new Map() }), { code: 'API_ERR_SIGNING_KEYS' })
})
