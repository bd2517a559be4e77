import t from 'tap'
import fc from 'fast-check'
import { checkRequestsAgainstOracle, checkResponseAgainstOracle } from './invariants.ts'
import { requestStream, responseText } from './messages.ts'

await t.test('the parser reads any stream of requests as the oracle does', async t => {
  const seen = { whole: 0, bad: 0 }
  fc.assert(
    fc.property(requestStream, text => {
      const { messages, bad } = checkRequestsAgainstOracle(text)
      seen.whole += messages.filter(message => message.whole).length
      if (bad) seen.bad++
    }),
    { numRuns: 2500 },
  )
  t.ok(seen.whole > 200 && seen.bad > 200, `${seen.whole} requests were whole, ${seen.bad} streams were bad`)
})

await t.test('the parser reads any response as the oracle does', async t => {
  const seen = { whole: 0, bad: 0 }
  fc.assert(
    fc.property(responseText, text => {
      const { messages, bad } = checkResponseAgainstOracle(text)
      seen.whole += messages.filter(message => message.whole).length
      if (bad) seen.bad++
    }),
    { numRuns: 2500 },
  )
  t.ok(seen.whole > 200 && seen.bad > 200, `${seen.whole} responses were whole, ${seen.bad} were bad`)
})
