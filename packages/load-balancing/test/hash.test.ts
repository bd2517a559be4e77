import t from 'tap'
import { drawOf, hashOfKey, hashText } from '../src/hash.ts'

/** Beyond it a uniform distribution over 64 buckets lies once in ten million. */
const CHI_SQUARE_LIMIT = 140

function chiSquare(draws: readonly number[]): number {
  const buckets = Array.from({ length: 64 }, () => 0)
  for (const draw of draws) buckets[Math.floor(draw * 64)]!++
  const expected = draws.length / 64
  return buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

const KEYS = Array.from({ length: 20_000 }, (_, i) => i)
const unsigned = (hash: number): number => (hash >>> 0) / 2 ** 32

await t.test('hashes never change, since balancers of several versions have to agree', async t => {
  t.same(
    ['', 'a', '/courses/17', 'ü€😀'].map(text => hashOfKey(text, 0)),
    [-1421968373, 711464985, 352244738, 1939431477],
  )
  t.same(
    [0, 1, -1, 2 ** 32, 2 ** 53 - 1].map(key => hashOfKey(key, 7)),
    [1733237950, -1106388396, -1181778518, -1774065279, 1355708521],
  )
  t.equal(drawOf(1, 2, 3), 0.5677549414103851)
})

await t.test('texts and numbers that differ a little are spread evenly', async t => {
  const spread: Readonly<Record<string, readonly number[]>> = {
    'counted texts': KEYS.map(key => unsigned(hashText(`user-${key}`, 0))),
    'texts that differ at the front': KEYS.map(key => unsigned(hashText(`${key}-${'x'.repeat(40)}`, 0))),
    'counted numbers': KEYS.map(key => unsigned(hashOfKey(key, 0))),
    'numbers beyond 32 bits': KEYS.map(key => unsigned(hashOfKey(key * 2 ** 33, 0))),
    seeds: KEYS.map(seed => unsigned(hashOfKey('one key', seed))),
  }
  for (const [name, draws] of Object.entries(spread)) t.ok(chiSquare(draws) < CHI_SQUARE_LIMIT, name)
})

await t.test("a candidate's draws are uniform over keys, and independent of another candidate's", async t => {
  const id = (text: string): [number, number] => [hashText(text, 1), hashText(text, 2)]
  const drawsOf = (text: string): number[] => KEYS.map(key => drawOf(hashOfKey(key, 0), ...id(text)))
  const [one, other] = [drawsOf('worker-1'), drawsOf('worker-2')]
  t.ok(one.every(draw => draw > 0 && draw < 1))
  t.ok(chiSquare(one) < CHI_SQUARE_LIMIT)
  // The difference of two independent uniform numbers, modulo 1, is uniform again; of dependent ones it isn't.
  const differences = one.map((draw, i) => (draw - other[i]! + 1) % 1)
  t.ok(chiSquare(differences) < CHI_SQUARE_LIMIT)
})

await t.test('a number is a whole number, and not the text that shows it', async t => {
  t.equal(hashOfKey(5.9, 0), hashOfKey(5, 0))
  t.not(hashOfKey(5, 0), hashOfKey('5', 0))
  t.not(hashOfKey(2 ** 40, 0), hashOfKey(2 ** 41, 0))
})
