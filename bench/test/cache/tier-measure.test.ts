// Reads and writes of one tier: what comes back is what went in, and a tier that loses values isn't measured.
import { createCache } from '@plimsoll/cache'
import t from 'tap'
import { kibibyteOf } from '../../src/cache/kibibyte.ts'
import { LoneMap } from '../../src/cache/lone-map.ts'
import { ProcessTier } from '../../src/cache/process-tier.ts'
import { TierMeasure, type TierUnderTest } from '../../src/cache/tier-measure.ts'

const tier = (place: TierUnderTest['place'], made = new ProcessTier()): TierUnderTest => ({
  name: `process, ${place}`,
  place,
  goalUs: undefined,
  open: () => createCache({ map: new LoneMap(), [place]: made }).start(),
})

await t.test('a value is 1 KiB of JSON', async t => {
  for (const id of [0, 9, 12_345]) t.equal(JSON.stringify(kibibyteOf(id)).length, 1024)
})

for (const place of ['machine', 'far'] as const) {
  await t.test(`reads and writes through a ${place} tier are timed one by one`, async t => {
    const measure = await TierMeasure.open(tier(place), '')
    t.teardown(() => measure.close())
    for (const operation of ['read', 'write'] as const) {
      for (const inFlight of [1, 8]) {
        const result = await measure.run({ operation, operations: 60, inFlight })
        t.equal(result.latenciesUs.length, 60)
        t.ok(
          result.latenciesUs.every(us => us > 0),
          `${operation}, ${inFlight} at once`,
        )
        t.ok(result.elapsedUsEach > 0 && result.cpuUsEach > 0)
      }
    }
  })
}

await t.test('a tier that has lost a value ends the run', async t => {
  const made = new ProcessTier()
  const measure = await TierMeasure.open(tier('machine', made), '')
  t.teardown(() => measure.close())
  await made.clear()
  await t.rejects(measure.run({ operation: 'read', operations: 1, inFlight: 1 }), /it isn't there any more/)
})
