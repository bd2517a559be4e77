// What every MachineMap does, as tests: an implementation runs them with a factory of its own.
import type { MachineClock } from '../machine/machine-clock.ts'
import type { MachineMap } from '../machine/machine-map.ts'
import type { ContractTest } from './contract-test.ts'
import { nastyStrings } from './nasty-strings.ts'

export interface MachineMapSettings {
  readonly maxSubjects?: number
  readonly clock?: MachineClock
}

/** Makes an empty map, and closes it with the test. */
export type MakeMachineMap<Test> = (t: Test, settings: MachineMapSettings) => Promise<MachineMap>

/** Runs the contract; `makeMap` is called once per subtest. */
export async function machineMapContract<Test extends ContractTest<Test>>(
  t: Test,
  makeMap: MakeMachineMap<Test>,
): Promise<void> {
  const strings = nastyStrings()
  await t.test('an invalidation gets the next number, and is told with its subjects', async t => {
    const map = await makeMap(t, {})
    const before = map.sequence()
    t.ok(before >= 0)
    t.equal(await map.invalidate(['ta', 'tb']), before + 1)
    t.equal(await map.invalidate(['tb']), before + 2)
    t.equal(map.sequence(), before + 2)
    t.same(map.changesAfter(before), [
      { sequence: before + 1, subjects: ['ta', 'tb'] },
      { sequence: before + 2, subjects: ['tb'] },
    ])
    t.same(map.changesAfter(before + 1), [{ sequence: before + 2, subjects: ['tb'] }])
    t.same(map.changesAfter(before + 2), [])
    t.equal(map.lastChange('ta').sequence, before + 1)
    t.equal(map.lastChange('tb').sequence, before + 2)
    t.equal(map.lastChange('tc').sequence, 0)
  })

  await t.test('numbers that were never given can’t be gone on from', async t => {
    const map = await makeMap(t, {})
    await map.invalidate(['ta'])
    t.equal(map.changesAfter(map.sequence() + 1), undefined)
    t.equal(map.changesAfter(-1), undefined)
  })

  await t.test('no subjects are no invalidation, and a subject named twice is one', async t => {
    const map = await makeMap(t, {})
    const before = map.sequence()
    t.equal(await map.invalidate([]), before)
    await map.invalidate(['ta', 'ta'])
    t.same(map.changesAfter(before), [{ sequence: before + 1, subjects: ['ta'] }])
  })

  await t.test('a place in the log is applied once, and a later one again', async t => {
    const map = await makeMap(t, {})
    const first = await map.invalidate(['ta', 'tb'], 7)
    t.equal(await map.invalidate(['ta'], 7), first)
    t.equal(await map.invalidate(['ta'], 3), first)
    t.equal(await map.invalidate(['ta', 'tc'], 7), first + 1)
    t.same(map.changesAfter(first), [{ sequence: first + 1, subjects: ['tc'] }])
    t.equal(await map.invalidate(['ta'], 8), first + 2)
    t.same(map.lastChange('ta'), { sequence: first + 2, position: 8 })
    t.same(map.lastChange('tb'), { sequence: first, position: 7 })
  })

  await t.test('an invalidation without a place counts, and keeps the place that’s known', async t => {
    const map = await makeMap(t, {})
    await map.invalidate(['ta'], 7)
    const latest = await map.invalidate(['ta'])
    t.same(map.lastChange('ta'), { sequence: latest, position: 7 })
    t.equal(await map.invalidate(['ta'], 7), latest, 'its place was applied')
  })

  await t.test('subjects may be any string, and no two are the same', async t => {
    const map = await makeMap(t, {})
    for (const [index, subject] of strings.entries()) {
      t.equal(await map.invalidate([subject], index + 1), index + 1, JSON.stringify(subject.slice(0, 20)))
    }
    for (const [index, subject] of strings.entries()) t.equal(map.lastChange(subject).sequence, index + 1)
    t.same(
      map.changesAfter(0)?.map(change => change.subjects[0]),
      strings,
    )
  })

  await t.test('what is forgotten counts as invalidated at the floor, and nothing that’s younger does', async t => {
    const map = await makeMap(t, { maxSubjects: 10 })
    for (let number = 1; number <= 40; number++) await map.invalidate([`t${number}`], 100 + number)
    for (let number = 1; number <= 40; number++) {
      t.ok(map.lastChange(`t${number}`).sequence >= number)
      t.ok(map.lastChange(`t${number}`).position >= 100 + number)
    }
    const { sequence: floor } = map.lastChange('tnever')
    t.ok(floor >= 20 && floor <= 30, `the floor is ${floor}`)
    for (let number = floor + 1; number <= 40; number++) t.equal(map.lastChange(`t${number}`).sequence, number)
    t.equal(map.changesAfter(floor - 1), undefined)
    t.equal(map.changesAfter(floor)?.length, 40 - floor)
  })

  await t.test('a subject that’s invalidated again and again doesn’t raise the floor', async t => {
    const map = await makeMap(t, { maxSubjects: 10 })
    for (let number = 1; number <= 100; number++) await map.invalidate(['tsame'])
    t.same(map.lastChange('tnever'), { sequence: 0, position: 0 })
    t.equal(map.lastChange('tsame').sequence, 100)
  })

  await t.test('at most 1,000 changes are told at a time, without a gap', async t => {
    const map = await makeMap(t, {})
    for (let number = 0; number < 1500; number++) await map.invalidate([`t${number % 7}`])
    const first = map.changesAfter(0) ?? []
    t.equal(first.length, 1000)
    const rest = map.changesAfter(first.at(-1)?.sequence ?? 0) ?? []
    t.same([first[0]?.sequence, rest[0]?.sequence, rest.at(-1)?.sequence], [1, 1001, 1500])
  })

  await t.test('a lease has one holder until it’s given back', async t => {
    const map = await makeMap(t, {})
    t.equal(map.isLeased('k'), false)
    const lease = await map.takeLease('k', 60_000)
    t.ok(lease)
    t.equal(map.isLeased('k'), true)
    t.equal(await map.takeLease('k', 60_000), undefined)
    t.ok(await map.takeLease('other', 60_000))
    await lease?.release()
    t.equal(map.isLeased('k'), false)
    t.ok(await map.takeLease('k', 60_000))
    await lease?.release()
    t.equal(map.isLeased('k'), true, 'giving it back twice takes it from nobody')
  })

  await t.test('a lease ends by itself, and what was renewed ends later', async t => {
    let nowMs = 1_000_000
    const map = await makeMap(t, { clock: { nowMs: () => nowMs } })
    t.equal(map.nowMs(), nowMs)
    const lease = await map.takeLease('k', 100)
    nowMs += 90
    t.equal(await lease?.renew(100), true)
    nowMs += 99
    t.equal(map.isLeased('k'), true)
    nowMs += 1
    t.equal(map.isLeased('k'), false)
    t.equal(await lease?.renew(100), false, 'it had expired')
    const next = await map.takeLease('k', 100)
    t.ok(next)
    t.equal(await lease?.renew(100), false, 'it’s another’s')
    await lease?.release()
    t.equal(map.isLeased('k'), true)
  })

  await t.test('leases may be of any name', async t => {
    const map = await makeMap(t, {})
    for (const name of strings) t.ok(await map.takeLease(name, 60_000), JSON.stringify(name.slice(0, 20)))
    for (const name of strings) t.equal(map.isLeased(name), true)
  })

  await t.test('how far the log was followed is told as it was set', async t => {
    const map = await makeMap(t, {})
    t.equal(map.followed(), undefined)
    const followed = { position: 9_007_199_254_740_000, sincePosition: 12, atMs: map.nowMs() }
    await map.setFollowed(followed)
    t.same(map.followed(), followed)
  })

  await t.test('a closed map knows nothing and says so', async t => {
    const map = await makeMap(t, {})
    await map.invalidate(['ta'])
    await map.close()
    t.equal(map.sequence(), -1)
    t.equal(map.changesAfter(0), undefined)
    t.equal(map.isLeased('k'), false)
    t.equal(await map.takeLease('k', 100), undefined)
    t.equal(await map.invalidate(['ta']), -1)
    await map.close()
  })
}
