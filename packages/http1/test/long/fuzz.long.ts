// Long fuzz: runs every check of test/invariants.ts on generated, mutated and senseless octets for as long as it's told.
// Run: node packages/http1/test/long/fuzz.long.ts [seconds, default 60] [seed, default random]
//
// A failure prints the check, the seed and the shrunk input, and exits with 1. The same seed runs the same inputs.

import fc from 'fast-check'
import {
  asNarrowRequests,
  asNarrowResponses,
  asRequests,
  asResponses,
  checkCuts,
  checkRequestRewrite,
  checkRequestsIndependent,
  checkResponsesIndependent,
  checkRequestsAgainstOracle,
  checkResponseAgainstOracle,
  checkResponseRewrite,
} from '../invariants.ts'
import { mutated, noise, requestStream, requestText, responseText } from '../messages.ts'
import { octetsOf } from '../recorder.ts'

const RUNS_PER_ROUND = 500
const seconds = Number(process.argv[2] ?? 60)
const firstSeed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31))

const places = fc.array(fc.nat(), { maxLength: 6 })
const responses = fc.array(responseText, { maxLength: 3 }).map(all => all.join(''))
const octets = (text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> => fc.oneof(text.map(octetsOf), mutated(text), noise)
const asText = (given: Buffer): string => given.toString('latin1')

const checks: Readonly<Record<string, fc.IRawProperty<unknown>>> = {
  'requests however cut': fc.property(octets(requestStream), places, (o, cuts) => checkCuts(o, cuts, asRequests)),
  'requests under narrow limits however cut': fc.property(octets(requestStream), places, (o, cuts) =>
    checkCuts(o, cuts, asNarrowRequests),
  ),
  'responses however cut': fc.property(octets(responses), places, (o, cuts) => checkCuts(o, cuts, asResponses)),
  'responses under narrow limits however cut': fc.property(octets(responses), places, (o, cuts) =>
    checkCuts(o, cuts, asNarrowResponses),
  ),
  'requests against the oracle': fc.property(octets(requestStream), o => void checkRequestsAgainstOracle(asText(o))),
  'responses against the oracle': fc.property(octets(responseText), o => void checkResponseAgainstOracle(asText(o))),
  'requests behind one another': fc.property(requestText, requestText, (a, b) => void checkRequestsIndependent(a, b)),
  'responses behind one another': fc.property(
    responseText,
    responseText,
    (a, b) => void checkResponsesIndependent(a, b),
  ),
  'requests rewritten': fc.property(
    octets(requestText),
    fc.nat(),
    (o, place) => void checkRequestRewrite(asText(o), place),
  ),
  'responses rewritten': fc.property(octets(responseText), o => void checkResponseRewrite(asText(o))),
}

const end = Date.now() + seconds * 1000
let rounds = 0
for (let seed = firstSeed; Date.now() < end; seed++) {
  for (const [name, property] of Object.entries(checks)) {
    try {
      await fc.assert(property, { seed, numRuns: RUNS_PER_ROUND })
    } catch (error) {
      process.stderr.write(`${name}, seed ${seed}:\n${error instanceof Error ? error.message : String(error)}\n`)
      process.exit(1)
    }
  }
  rounds++
}
const inputs = rounds * RUNS_PER_ROUND * Object.keys(checks).length
process.stdout.write(`${inputs} inputs from seed ${firstSeed} in ${seconds} s: all checks held.\n`)
