import t from 'tap'
import fc from 'fast-check'
import {
  asNarrowRequests,
  asNarrowResponses,
  asRequests,
  asResponses,
  checkCuts,
  checkRequestsIndependent,
  checkResponsesIndependent,
} from './invariants.ts'
import { mutated, noise, requestStream, requestText, responseText } from './messages.ts'
import { octetsOf } from './recorder.ts'

const places = fc.array(fc.nat(), { maxLength: 6 })

for (const [name, parse] of [
  ['requests', asRequests],
  ['requests under narrow limits', asNarrowRequests],
  ['responses', asResponses],
  ['responses under narrow limits', asNarrowResponses],
] as const) {
  await t.test(`${name}: any octets come to the same however they are cut, and nothing throws`, async () => {
    const text = name.startsWith('requests')
      ? requestStream
      : fc.array(responseText, { maxLength: 3 }).map(all => all.join(''))
    const input = fc.oneof(
      { arbitrary: text.map(octetsOf), weight: 3 },
      { arbitrary: mutated(text), weight: 2 },
      { arbitrary: noise, weight: 1 },
    )
    fc.assert(
      fc.property(input, places, (octets, cuts) => checkCuts(octets, cuts, parse)),
      { numRuns: 700 },
    )
  })
}

await t.test('nothing of one message is left for the next', async t => {
  const seen = { requests: 0, responses: 0 }
  fc.assert(
    fc.property(requestText, requestText, (first, second) => {
      if (checkRequestsIndependent(first, second)) seen.requests++
    }),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(responseText, responseText, (first, second) => {
      if (checkResponsesIndependent(first, second)) seen.responses++
    }),
    { numRuns: 1000 },
  )
  t.ok(
    seen.requests > 100 && seen.responses > 100,
    `${seen.requests} requests and ${seen.responses} responses were whole`,
  )
})
