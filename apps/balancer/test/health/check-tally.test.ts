import t from 'tap'
import { CheckTally } from '../../src/health/check-tally.ts'
import type { EndpointHealth } from '../../src/upstream/endpoint.ts'

/** p: a check passes, f: it fails, x: a request could not connect, so somebody else says `down` and restarts the row. */
type Seen = 'p' | 'f' | 'x'

/** What the health should be after these, told by looking back over all of them, without counters. */
function expected(seen: readonly Seen[], rise: number, fall: number): EndpointHealth {
  let health: EndpointHealth = 'starting'
  for (let i = 0; i < seen.length; i++) {
    const past = seen.slice(0, i + 1).join('')
    if (seen[i] === 'x') health = 'down'
    else if (seen[i] === 'p') {
      const row = /p*$/.exec(past)?.[0].length ?? 0
      const isFirst = past.indexOf('p') === i
      if (isFirst || row >= rise) health = 'up'
    } else {
      const row = /f*$/.exec(past)?.[0].length ?? 0
      if (row >= fall) health = 'down'
    }
  }
  return health
}

const MAX_LENGTH = 9

/** All sequences of 1 to `maxLength`. */
function* sequences(maxLength: number, before: readonly Seen[] = []): Generator<readonly Seen[]> {
  if (before.length === maxLength) return
  for (const each of ['p', 'f', 'x'] as const) {
    const seen = [...before, each]
    yield seen
    yield* sequences(maxLength, seen)
  }
}

await t.test('for every sequence of passes, failures and refused connections it says what looking back says', t => {
  const wrong: string[] = []
  let compared = 0
  for (const rise of [1, 2, 3]) {
    for (const fall of [1, 2, 3]) {
      for (const seen of sequences(MAX_LENGTH)) {
        const tally = new CheckTally({ rise, fall }, 'starting')
        let health: EndpointHealth = 'starting'
        for (const each of seen) {
          if (each === 'x') tally.restartRow()
          health = each === 'x' ? 'down' : tally.record(each === 'p', health)
        }
        const wanted = expected(seen, rise, fall)
        if (health !== wanted) wrong.push(`${seen.join('')}, rise ${rise}, fall ${fall}: ${health}, not ${wanted}`)
        compared++
      }
    }
  }
  t.same(wrong.slice(0, 5), [])
  t.equal(compared, (9 * (3 ** (MAX_LENGTH + 1) - 3)) / 2)
  t.end()
})

await t.test('passes count since the last failure, since somebody said down, and since the row was restarted', t => {
  const tally = new CheckTally({ rise: 2, fall: 3 }, 'starting')
  t.equal(tally.record(true, 'starting'), 'up')
  t.equal(tally.record(true, 'up'), 'up')
  t.equal(tally.passesInRow, 2)
  t.equal(tally.record(true, 'down'), 'down', 'the two from before prove nothing')
  t.equal(tally.passesInRow, 1)
  t.equal(tally.record(true, 'down'), 'up')
  tally.restartRow()
  t.equal(tally.passesInRow, 0)
  t.equal(tally.record(true, 'up'), 'up')
  t.equal(tally.record(false, 'up'), 'up')
  t.same([tally.passesInRow, tally.failuresInRow], [0, 1])
  t.end()
})

await t.test(
  'one that was down when its checks began anew needs `rise` passes, one that had not begun needs one',
  t => {
    const again = new CheckTally({ rise: 2, fall: 3 }, 'down')
    t.equal(again.record(true, 'down'), 'down')
    t.equal(again.record(true, 'down'), 'up')
    t.equal(new CheckTally({ rise: 2, fall: 3 }, 'starting').record(true, 'starting'), 'up')
    t.end()
  },
)
