import t from 'tap'
import { compareAllocationProfiles, createAllocationSampler } from '../../src/leak/allocation-sites.ts'

const MIB = 1_048_576
const NUMBERS = Array.from({ length: 2048 }, (_, index) => index + 0.5)
const retained: unknown[] = []

function leakyFunction(): void {
  for (let count = 0; count < 200; count++) retained.push(NUMBERS.slice())
}

function tidyFunction(): void {
  for (let count = 0; count < 200; count++) NUMBERS.slice().reverse()
}

await t.test('it names the line that made what is still alive, and not the one whose objects are gone', async t => {
  t.teardown(() => void (retained.length = 0))
  const stop = new AbortController()
  const asked = createAllocationSampler().sample({
    durationMs: 60_000,
    samplingIntervalBytes: 4096,
    signal: stop.signal,
  })
  // Sampling starts in a later turn.
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
  leakyFunction()
  tidyFunction()
  stop.abort()
  const { sites, totalBytes, durationMs } = await asked
  const bytesIn = (name: string): number =>
    sites.reduce((sum, site) => (site.functionName === name ? sum + site.bytes : sum), 0)
  // 200 arrays of 16 KiB, more while they grow.
  t.ok(bytesIn('leakyFunction') > 2 * MIB, `${bytesIn('leakyFunction')} bytes`)
  t.ok(bytesIn('tidyFunction') < 0.2 * MIB, `${bytesIn('tidyFunction')} bytes`)
  const site = sites.find(({ functionName }) => functionName === 'leakyFunction')
  t.match(site?.url, /allocation-sites\.test\.ts$/)
  t.equal(site?.line, 8)
  t.ok(totalBytes >= bytesIn('leakyFunction'))
  t.ok(durationMs < 60_000)
})

await t.test('two requests are answered one after the other', async t => {
  const sampler = createAllocationSampler()
  const order: number[] = []
  await Promise.all([
    sampler.sample({ durationMs: 20 }).then(() => order.push(1)),
    sampler.sample({ durationMs: 1, maxSites: 3 }).then(({ sites }) => {
      t.ok(sites.length <= 3)
      order.push(2)
    }),
  ])
  t.same(order, [1, 2])
})

await t.test('the difference of two profiles is what each site has gained', async t => {
  const site = (functionName: string, bytes: number) => ({ functionName, url: 'a.ts', line: 1, column: 1, bytes })
  const profile = (...sites: ReturnType<typeof site>[]) => ({ sites, totalBytes: 0, durationMs: 1 })
  t.same(
    compareAllocationProfiles(
      profile(site('a', 10), site('b', 50), site('gone', 5)),
      profile(site('b', 50), site('a', 30), site('new', 25)),
    ),
    [site('new', 25), site('a', 20)],
  )
})

await t.test('options out of range are refused by name', async t => {
  const sampler = createAllocationSampler()
  for (const [name, value] of Object.entries({ durationMs: 0, samplingIntervalBytes: 1, maxSites: 0 })) {
    await t.rejects(sampler.sample({ [name]: value }), { name: 'RangeError', message: new RegExp(name) })
  }
})
