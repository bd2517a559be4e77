// What watching costs: ours with statistics and slow-query log, and without.
//
// The goal is a few percent of some 50 µs, less than what one process differs from another that runs the same code: addresses and the compiler's choices are a
// process's own. So all are in one process and take turns every tenth of a second (comparison-loop.ts), in several processes one after the other; and there's a
// second one without instrumentation, whose ratio to the first shows what means nothing.
import { number, renderTable } from '../report.ts'
import { median } from '../statistics.ts'
import type { ComparisonResult, Instrumentation } from './client-protocol.ts'
import { judge, pairedRatio, renderRatio } from '../paired.ts'
import type { Part, PartTools } from './part.ts'

const VARIANTS = [
  { name: 'off', instrumentation: 'off' },
  { name: 'off, the same again', instrumentation: 'off' },
  { name: 'on', instrumentation: 'on' },
] as const satisfies readonly { name: string; instrumentation: Instrumentation }[]
const OFF = 0
const ON = 2
const CONNECTIONS = 4
const GOAL = 0.03
const SLICE_MS = 50
/** Slices of each variant per round that others have. */
const SLICES_PER_ROUND = 10

export const instrumentation: Part = {
  name: 'instrumentation',
  summary: 'CPU time per read with statistics and slow-query log, and without',
  run,
}

async function run({ io, effort, server, startClient }: PartTools): Promise<object> {
  const processes = effort.quick ? 1 : 3
  const slices = effort.quick ? 20 : SLICES_PER_ROUND * effort.rounds
  const times = { slices, sliceMs: SLICE_MS, warmupMs: effort.quick ? 500 : 2000 }
  io.write(
    `\ninstrumentation: CPU time per read, ${CONNECTIONS} reads under way, ${processes} × ${slices} slices of ${SLICE_MS} ms; median and its 95 % interval\n`,
  )
  const results: ComparisonResult[] = []
  for (let i = 0; i < processes; i++) {
    const client = await startClient()
    try {
      const variants = VARIANTS.map(variant => variant.instrumentation)
      const order = { kind: 'comparison', url: server.tcpUrl, connections: CONNECTIONS, variants, ...times } as const
      results.push(await client.ask(order))
    } finally {
      await client.stop()
    }
  }
  const cpuUsPerRead = VARIANTS.map((_, variant) => results.flatMap(result => result.cpuUsPerRead[variant] ?? []))
  io.write(`\n${render(cpuUsPerRead)}`)
  return { ...times, connections: CONNECTIONS, variants: VARIANTS, cpuUsPerRead }
}

function render(cpuUsPerRead: readonly (readonly number[])[]): string {
  const rows = VARIANTS.map(({ name }, variant) => {
    const samples = cpuUsPerRead[variant] ?? []
    return { name, medianUs: median(samples), ratio: pairedRatio(samples, cpuUsPerRead[OFF] ?? []) }
  })
  const table = renderTable<(typeof rows)[number]>(
    [
      { heading: 'instrumentation', align: 'left', cell: row => row.name },
      { heading: 'CPU µs per read', align: 'right', cell: row => number(row.medianUs, 1) },
      { heading: 'ratio', align: 'right', cell: row => renderRatio(row.ratio, 3) },
    ],
    rows,
  )
  const on = rows[ON]?.ratio ?? { median: NaN, low: NaN, high: NaN }
  const cost = number((on.median - 1) * 100, 1)
  return `${table}  it costs ${cost} %; goal ≤ ${GOAL * 100} %: ${judge(on, { atMost: 1 + GOAL })}\n`
}
