import { statSync } from 'node:fs'
import fc from 'fast-check'
import { anyText } from '@plimsoll/testing/any-text'
import t, { type Test } from 'tap'
import { LmdbTier, type LmdbTierOptions } from '../../src/lmdb/lmdb-tier.ts'
import { diskFolder, memoryFolder } from './fixture/folder.ts'

const MIB = 1024 * 1024
const HOUR_MS = 3_600_000

async function openTier(t: Test, options: LmdbTierOptions): Promise<LmdbTier> {
  const tier = new LmdbTier(options)
  t.teardown(() => tier.close())
  await tier.settled()
  t.equal(tier.state().state, 'on', tier.state().reason ?? 'on')
  return tier
}

await t.test('two different pairs of namespace and key are never the same entry', async t => {
  const tier = await openTier(t, { folder: memoryFolder(t) })
  const namespaces = anyText({ maxLength: 5 })
  const keys = fc.oneof(
    anyText(),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map(units => String.fromCharCode(...units)),
    fc
      .array(fc.constantFrom('\0', '\u0001', '#', '\ud800', '\udc00', 'a', '__proto__'), { maxLength: 4 })
      .map(parts => parts.join('')),
    fc.nat({ max: 10_000 }).map(length => 'x'.repeat(length)),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(namespaces, keys), {
        minLength: 2,
        maxLength: 12,
        selector: pair => JSON.stringify(pair),
      }),
      async pairs => {
        await tier.clear()
        await Promise.all(pairs.map(([name, key], index) => tier.set(name, key, Uint8Array.of(index), HOUR_MS)))
        for (const [index, [name, key]] of pairs.entries()) {
          if (tier.get(name, key)?.bytes[0] !== index) return false
        }
        await tier.delete(...(pairs[0] ?? ['', '']))
        return pairs.every(([name, key], index) => (tier.get(name, key) !== undefined) === index > 0)
      },
    ),
    { numRuns: 40 },
  )
})

await t.test('a value of 50 MB is kept where it’s allowed', async t => {
  const bytes = Buffer.alloc(50_000_000, 'plimsoll')
  const tier = await openTier(t, { folder: memoryFolder(t), mapBytes: 256 * MIB, maxValueBytes: 60_000_000 })
  t.equal(await tier.set('n', 'large', bytes, HOUR_MS), true)
  const found = tier.get('n', 'large')?.bytes
  t.ok(found !== undefined && bytes.equals(found))
  t.equal(await tier.set('n', 'empty', new Uint8Array(0), HOUR_MS), true)
  t.equal(tier.get('n', 'empty')?.bytes.length, 0)
  const strict = await openTier(t, { folder: memoryFolder(t) })
  t.equal(await strict.set('n', 'large', bytes, HOUR_MS), false)
  t.equal(strict.state().state, 'on')
})

await t.test('a small map is never full: the oldest go, and the file keeps to its size', async t => {
  const folder = memoryFolder(t)
  const tier = await openTier(t, { folder, mapBytes: 8 * MIB })
  let refused = 0
  for (let round = 0; round < 40; round++) {
    const sets = Array.from({ length: 50 }, (_, index) =>
      tier.set('n', `k${round}-${index}`, new Uint8Array((index * 1301) % 60_000), HOUR_MS),
    )
    refused += (await Promise.all(sets)).filter(kept => !kept).length
  }
  const { state, bytes, entries } = tier.state()
  t.equal(state, 'on')
  t.ok(bytes <= 8 * MIB * 0.6, `${bytes} bytes`)
  t.ok(entries > 50, `${entries} entries`)
  t.equal(refused, 0)
  t.ok(tier.get('n', 'k39-49'))
  const file = statSync(`${folder}/tier-machine-v1/map/data.mdb`).size
  t.ok(file <= 8 * MIB * 1.25, `the file has ${file} bytes`)
})

await t.test('large values that follow each other into a small map keep it within its size too', async t => {
  const folder = memoryFolder(t)
  const tier = await openTier(t, { folder, mapBytes: 16 * MIB, maxValueBytes: 4 * MIB })
  let kept = 0
  for (let round = 0; round < 60; round++) {
    if (await tier.set('n', `k${round % 7}`, new Uint8Array(MIB + ((round * 77_777) % (2 * MIB))), HOUR_MS)) kept++
  }
  t.ok(kept > 50, `${kept} of 60 were kept`)
  const file = statSync(`${folder}/tier-machine-v1/map/data.mdb`).size
  t.ok(file <= 16 * MIB * 1.5, `the file has ${file} bytes`)
})

await t.test('the sweeper takes out what has expired, and one process at a time sweeps', async t => {
  const folder = memoryFolder(t)
  let machineMs = 1_000_000
  const clock = { nowMs: () => machineMs }
  const tier = await openTier(t, { folder, clock })
  await Promise.all(
    Array.from({ length: 1000 }, (_, index) => tier.set('n', `k${index}`, Uint8Array.of(1), index % 2 ? 1000 : 10_000)),
  )
  machineMs += 1000
  t.equal(tier.state().entries, 1000)
  const [first, second] = await Promise.all([tier.sweep(), tier.sweep()])
  t.same([first, second], [500, 0])
  t.equal(tier.state().entries, 500)
  t.ok(tier.get('n', 'k0'))
  const beside = await openTier(t, { folder, clock })
  machineMs += 10_000
  const swept = await Promise.all([tier.sweep(), beside.sweep()])
  t.same(
    swept.toSorted((a, b) => a - b),
    [0, 500],
  )
  t.same([tier.state().entries, tier.state().bytes], [0, 0])
})

await t.test('on the disk entries outlive the process, and expire by the wall clock', async t => {
  const folder = diskFolder(t)
  let wallMs = Date.UTC(2026, 0, 1)
  let machineMs = 7_000_000
  const times = { clock: { nowMs: () => machineMs }, wallClock: { now: () => wallMs } }
  const first = await openTier(t, { folder, durable: true, ...times })
  await Promise.all([
    first.set('n', 'short', Uint8Array.of(1), HOUR_MS),
    first.set('n', 'long', Uint8Array.of(2), 5 * HOUR_MS),
  ])
  await first.close()
  wallMs += 2 * HOUR_MS
  machineMs += 1000
  const second = await openTier(t, { folder, durable: true, ...times })
  t.equal(second.get('n', 'short'), undefined, 'the machine slept for two hours, say')
  t.same(second.get('n', 'long'), { bytes: Buffer.of(2), leftMs: 3 * HOUR_MS })
  wallMs -= 3 * HOUR_MS
  t.equal(second.get('n', 'long'), undefined, 'what was stored in the future is gone')
  wallMs += 3 * HOUR_MS
  machineMs += 5 * HOUR_MS
  t.equal(second.get('n', 'long'), undefined, 'the wall clock was put back while the machine ran for five hours')
})

await t.test('what can’t be opened is off with a reason, and everything is a miss', async t => {
  for (const [options, reason] of [
    [{ folder: '/proc/plimsoll' }, /ENOENT|EACCES/],
    [{ folder: memoryFolder(t), mapBytes: 4 * MIB }, /needs 8388608 at least/],
  ] as const) {
    const tier = new LmdbTier(options)
    t.teardown(() => tier.close())
    t.equal(tier.state().state, 'off')
    t.match(tier.state().reason, reason)
    t.equal(tier.get('n', 'k'), undefined)
    t.equal(await tier.set('n', 'k', Uint8Array.of(1), 1000), false)
    await tier.delete('n', 'k')
    await tier.clear()
    t.equal(await tier.shrink(0), 0)
    t.equal(await tier.sweep(), 0)
  }
})
