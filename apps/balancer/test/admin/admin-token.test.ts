import { randomBytes } from 'node:crypto'
import t from 'tap'
import { bearerToken, resolveAdminToken, tokenChecker } from '../../src/admin/admin-token.ts'

await t.test('a given token is taken as it is', async t => {
  const never = () => {
    throw new Error('no random bytes are needed')
  }
  t.same(resolveAdminToken('given', never), { token: 'given', generated: false })
})

await t.test('without one, 256 random bits are made, in characters that need no quoting', async t => {
  const { token, generated } = resolveAdminToken('', randomBytes)
  t.equal(generated, true)
  t.match(token, /^[\w-]{43}$/)
  t.not(resolveAdminToken('', randomBytes).token, token)
})

await t.test('the scheme is read in any case, and anything but one token is none', async t => {
  t.equal(bearerToken('Bearer abc'), 'abc')
  t.equal(bearerToken('bEARER   a+b/c=='), 'a+b/c==')
  for (const field of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic abc',
    'Bearer a b',
    'Bearer\tabc',
    'Bearerabc',
    'abc',
  ])
    t.equal(bearerToken(field), null, String(field))
})

await t.test('only the token itself passes: not a part, not more, not another case', async t => {
  const isRight = tokenChecker('secret')
  t.ok(isRight('secret'))
  for (const wrong of ['', 'secre', 'secret1', 'Secret', 'secret ', '\0secret']) t.notOk(isRight(wrong), wrong)
})

await t.test('an empty token would let everybody in, so it is refused', async t => {
  t.throws(() => tokenChecker(''), RangeError)
})
