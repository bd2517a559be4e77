import t from 'tap'
import { ALL, BARE, CACHED_READ, type MeasuredVariant, type PluginResult } from '../../src/api/plugin-part.ts'
import { renderPlugins, sharesOf } from '../../src/api/plugin-table.ts'

/** By round: CPU time, and requests per second, which aren't the inverse of it: workers wait as well. */
const BARE_US = [20, 40]
const BARE_RATES = [40_000, 20_000]
const CACHED_RATES = [25_000, 12_500]
const VARIANTS = [
  variant(BARE, 'reference', BARE_US, BARE_RATES),
  variant(CACHED_READ, 'route', [25, 50], CACHED_RATES),
  variant('metrics', 'plugin', [22, 45], [38_000, 19_000]),
  variant('drain', 'server', [21, 40], [39_000, 20_000]),
  variant(ALL, 'whole', [50, 80], [12_000, 8000]),
]

await t.test('the shares are of measured requests per second, round by round', async t => {
  const { ofCachedRead, ofReadyAnswer } = sharesOf(VARIANTS)
  t.match(ofCachedRead, { median: 0.56, low: 0.48, high: 0.64 })
  t.match(ofReadyAnswer, { median: 0.35, low: 0.3, high: 0.4 })
})

await t.test('the table has ratios, differences, rates, and what the parts come to', async t => {
  const text = renderPlugins(result(VARIANTS, [0.95]))
  t.match(text, /bare +30\.0 +20\.0 +1\.00 \(1\.00-1\.00\) +\+0\.0 +30,000/)
  t.match(text, /metrics +plugin +33\.4 +22\.0 +1\.11 \(1\.10-1\.13\) +\+3\.4 +28,500 +1,030/)
  t.match(text, /sum of the parts alone +\+11\.6/)
  t.match(text, /all of them: createApp +67\.5 +50\.0 +2\.25 \(2\.00-2\.50\) +\+37\.5 +10,500/)
  t.notMatch(text, /WAITING/)
})

await t.test('the verdict is by the same cached read; a ready answer stands beside it', async t => {
  const text = renderPlugins(result(VARIANTS, [0.95]))
  t.match(
    text,
    /reaches 56 % \(48 % to 64 %; by CPU time 56 %, by the cheapest turns 50 %\) of the requests\/s of a bare Fastify with the same cached read; goal ≥ 50 %: unclear/,
  )
  t.match(
    text,
    /and 35 % \(30 % to 40 %; by CPU time 45 %, by the cheapest turns 40 %\) of the requests\/s of a bare Fastify with a ready answer\n/,
  )
  const faster = VARIANTS.map(one => (one.variant.name === ALL ? variant(ALL, 'whole', [50, 80], [15_000, 8000]) : one))
  t.match(renderPlugins(result(faster, [0.95])), /goal ≥ 50 %: met/, 'whatever a ready answer says')
})

await t.test('two rounds have no interval of 95 %', async t => {
  t.match(renderPlugins(result(VARIANTS, [0.95])), /of the same pass, medians of the rounds \(least to most\)/)
})

await t.test('it says when workers waited for work', async t => {
  t.match(renderPlugins(result(VARIANTS, [0.5])), /A WAITING WORKER PAYS FOR WAKE-UPS/)
})

function variant(
  name: string,
  kind: MeasuredVariant['variant']['kind'],
  cpuUs: readonly number[],
  requestsPerSecond: readonly number[],
): MeasuredVariant {
  return {
    variant: { name, kind, bySize: true, part: name },
    cpuUs,
    ratios: cpuUs.map((us, round) => us / BARE_US[round]!),
    requestsPerSecond,
    rateOfBare: requestsPerSecond.map((rate, round) => rate / BARE_RATES[round]!),
    rateOfCachedRead: requestsPerSecond.map((rate, round) => rate / CACHED_RATES[round]!),
    leastUs: Math.min(...cpuUs),
    bodyBytes: 1030,
  }
}

function result(variants: readonly MeasuredVariant[], busy: readonly number[]): PluginResult {
  const workload = { name: 'a short answer', path: '/x', fields: [], allParts: true }
  return { workloads: [{ workload, variants }], busy, keptOff: [0.01] }
}
