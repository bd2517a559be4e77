import t from 'tap'
import { ALL, BARE, type MeasuredVariant, type PluginResult } from '../../src/api/plugin-part.ts'
import { renderPlugins, verdictOf } from '../../src/api/plugin-table.ts'

const VARIANTS = [
  variant(BARE, 'reference', [20, 40]),
  variant('metrics', 'plugin', [22, 45]),
  variant('drain', 'server', [21, 40]),
  variant(ALL, 'whole', [50, 80]),
]

await t.test('the share of requests per second is the inverse of the costs, round by round', async t => {
  t.match(verdictOf(VARIANTS), { median: 0.45, low: 0.4, high: 0.5 })
})

await t.test('the table has ratios, differences, and what the parts come to', async t => {
  const text = renderPlugins(result(VARIANTS, [0.95]))
  t.match(text, /bare +30\.0 +20\.0 +1\.00 \(1\.00-1\.00\) +\+0\.0/)
  t.match(text, /metrics +plugin +33\.4 +22\.0 +1\.11 \(1\.10-1\.13\) +\+3\.4 +1,030/)
  t.match(text, /sum of the parts alone +\+4\.1/)
  t.match(text, /all of them: createApp +67\.5 +50\.0 +2\.25 \(2\.00-2\.50\) +\+37\.5/)
  t.match(text, /reaches 45 % \(40 % to 50 %; by the cheapest turns 40 %\) of the requests\/s .*goal ≥ 50 %: unclear/)
  t.notMatch(text, /WAITING/)
})

await t.test('it says when workers waited for work', async t => {
  t.match(renderPlugins(result(VARIANTS, [0.5])), /A WAITING WORKER PAYS FOR WAKE-UPS/)
})

function variant(name: string, kind: MeasuredVariant['variant']['kind'], cpuUs: readonly number[]): MeasuredVariant {
  return {
    variant: { name, kind, bySize: true, part: name },
    cpuUs,
    ratios: cpuUs.map((us, round) => us / [20, 40][round]!),
    leastUs: Math.min(...cpuUs),
    bodyBytes: 1030,
  }
}

function result(variants: readonly MeasuredVariant[], busy: readonly number[]): PluginResult {
  const workload = { name: 'a short answer', path: '/x', fields: [], allParts: true }
  return { workloads: [{ workload, variants }], busy, keptOff: [0.01] }
}
