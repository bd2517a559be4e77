import t from 'tap'
import fc from 'fast-check'
import { VerifiedTokens } from '../../src/auth/verified-tokens.ts'

await t.test('what is in use stays, and there are never more than allowed', async t => {
  const tokens = new VerifiedTokens<number>(10)
  tokens.set('in use', -1)
  for (let count = 0; count < 1000; count += 1) {
    tokens.set(`token ${count}`, count)
    if (tokens.get('in use') !== -1) t.fail(`forgotten at ${count}`)
    if (tokens.size > 10) t.fail(`${tokens.size} at ${count}`)
  }
  t.equal(tokens.get('token 1'), undefined)
  t.equal(tokens.get('token 999'), 999)
  tokens.clear()
  t.equal(tokens.size, 0)
  t.equal(tokens.get('in use'), undefined)
  const none = new VerifiedTokens<number>(0)
  none.set('a', 1)
  t.equal(none.get('a'), undefined)
})

await t.test('nobody ever gets what belongs to another token', async () => {
  const key = fc.constantFrom('a', 'b', 'ab', 'a.b', 'A', '', '__proto__', 'constructor')
  fc.assert(
    fc.property(fc.nat(6), fc.array(fc.tuple(fc.boolean(), key), { maxLength: 60 }), (maxEntries, steps) => {
      const tokens = new VerifiedTokens<string>(maxEntries)
      return steps.every(([write, token]) => {
        if (write) tokens.set(token, `of ${token}`)
        const found = tokens.get(token)
        return tokens.size <= Math.max(maxEntries + 1, 0) && (found === undefined || found === `of ${token}`)
      })
    }),
    { numRuns: 300 },
  )
})
