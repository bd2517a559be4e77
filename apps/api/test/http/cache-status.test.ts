import t from 'tap'
import { cacheStatus } from '../../src/http/cache-status.ts'

/** A member of a list of structured fields (RFC 9651): a token, then parameters that are keys, integers or tokens. */
const MEMBER =
  /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*(?:; *[a-z*][a-z0-9_.*-]*(?:=(?:-?\d{1,15}|[A-Za-z*][\w!#$%&'*+.^`|~:/-]*))?)*$/

await t.test('hits tell their tier and what is left in whole seconds, misses that they went on', async t => {
  t.equal(cacheStatus('memory', 300_000), 'plimsoll-api; hit; ttl=300; detail=memory')
  t.equal(cacheStatus('machine', 999), 'plimsoll-api; hit; ttl=0; detail=machine')
  t.equal(cacheStatus('far', -1), 'plimsoll-api; hit; ttl=-1; detail=far', 'past its time by however little')
  t.equal(cacheStatus('memory', -30_000), 'plimsoll-api; hit; ttl=-30; detail=memory')
  t.equal(cacheStatus('loaded', 900_000), 'plimsoll-api; fwd=miss')
})

await t.test('it is a structured field', async t => {
  for (const from of ['memory', 'machine', 'far', 'loaded'] as const)
    for (const leftMs of [0, 1.5, -0.1, -86_400_000, 604_800_000.25]) t.match(cacheStatus(from, leftMs), MEMBER)
})
