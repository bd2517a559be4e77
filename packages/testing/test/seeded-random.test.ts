import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { SeededRandom, seededRandom, spawnProgram } from '@plimsoll/testing'

await t.test('the same seed gives the same numbers, another seed others', t => {
  const take = (seed: number): number[] => {
    const random = new SeededRandom(seed)
    return Array.from({ length: 20 }, () => random.next())
  }
  t.strictSame(take(7), take(7))
  t.strictNotSame(take(7), take(8))
  t.end()
})

await t.test('numbers lie in [0, 1) and fill it evenly', t => {
  const random = new SeededRandom(1)
  const tenths = Array.from({ length: 10 }, () => 0)
  for (let i = 0; i < 10_000; i++) {
    const number = random.next()
    if (!(number >= 0 && number < 1)) t.fail(`${number} is outside`)
    const tenth = Math.floor(number * 10)
    tenths[tenth] = (tenths[tenth] ?? 0) + 1
  }
  // 1000 expected each, standard deviation 30: the seed is fixed, so this can't flicker.
  t.ok(
    tenths.every(count => count > 880 && count < 1120),
    tenths.join(' '),
  )
  t.end()
})

await t.test('integers stay in their bounds, shuffles keep what they shuffle', t => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: -50, max: 50 }),
      fc.nat(50),
      fc.array(fc.nat()),
      (seed, min, span, items) => {
        const random = new SeededRandom(seed)
        const number = random.integer(min, min + span)
        t.ok(Number.isInteger(number) && number >= min && number <= min + span)
        const ascending = (a: number, b: number): number => a - b
        t.strictSame(random.shuffle(items).toSorted(ascending), items.toSorted(ascending))
      },
    ),
    { numRuns: 50 },
  )
  const random = new SeededRandom(3)
  t.equal(random.bytes(5).length, 5)
  t.throws(() => random.pick([]), RangeError)
  t.strictSame(new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c']))), new Set(['a', 'b', 'c']))
  t.end()
})

await t.test('a given seed is used', t => {
  t.equal(seededRandom(t, { seed: 42 }).seed, 42)
  t.end()
})

await t.test('a failing test prints the seed that repeats it, and the variable repeats it', async t => {
  const file = path.join(import.meta.dirname, 'failing', 'random.ts')
  const program = await spawnProgram(t, ['node', file], { env: { PLIMSOLL_TEST_SEED: '123', TAP: '1' } })
  t.equal((await program.exited).code, 1)
  t.match(program.stdout, /to repeat "fails by chance": PLIMSOLL_TEST_SEED=123/)
  t.notMatch(program.stdout, /to repeat "passes"/)
})
