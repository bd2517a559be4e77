// Keyed reads at a fixed rate: how many statements they take, and what that does to latency and CPU time.
import { interleave } from '../rounds.ts'
import { number, renderTable } from '../report.ts'
import { summarize } from '../statistics.ts'
import type { OpenLoopResult, Way } from './client-protocol.ts'
import { type Client, withClients } from './client.ts'
import type { Part, PartTools } from './part.ts'
import { roundTripMs } from './server.ts'

const NOTHING = 'nothing'
const ONE_BY_ONE = 'ours'
const DATA_LOADER = 'DataLoader'
const LOADER = 'ours, loader'
const CANDIDATES = [NOTHING, ONE_BY_ONE, DATA_LOADER, LOADER] as const satisfies readonly Way[]
type Candidate = (typeof CANDIDATES)[number]

const LABELS: Readonly<Record<Candidate, string>> = {
  [NOTHING]: 'arrivals alone',
  [ONE_BY_ONE]: 'one statement per read',
  [DATA_LOADER]: 'DataLoader, per tick',
  [LOADER]: 'our loader',
}
const READS_PER_SECOND = [500, 3000, 8000] as const
const ADDED_ROUND_TRIP_MS = [0, 2] as const
/** A request wants some rows at once; with one, batching per tick would never find two. */
const READS_PER_ARRIVAL = 3
/** Of a service in production: one by one, with a longer way, takes more than the 10 that the others could do with. */
const CONNECTIONS = 50
/** The statements for so many reads were counted before this suite was written, at 8,000 reads/s and 2 ms. */
const KNOWN = {
  readsPerSecond: 8000,
  addedMs: 2,
  reads: 7109,
  statements: { [ONE_BY_ONE]: 7109, [DATA_LOADER]: 2678, [LOADER]: 392 },
}

interface Setting {
  readonly readsPerSecond: number
  readonly addedMs: number
}

interface Row {
  readonly candidate: Candidate
  readonly rounds: readonly OpenLoopResult[]
}

export const keyedReads: Part = {
  name: 'keyed-reads',
  summary: 'an open loop of keyed reads: one statement each, DataLoader, our loader',
  run,
}

async function run(tools: PartTools): Promise<object> {
  const { io, effort, server } = tools
  const rounds = effort.quick ? 1 : Math.ceil(effort.rounds / 10)
  const times = effort.quick ? { warmupMs: 200, measureMs: 500 } : { warmupMs: 500, measureMs: 1500 }
  io.write(
    `\nkeyed reads: open loop, ${READS_PER_ARRIVAL} reads per arrival, keys by Zipf, ${CONNECTIONS} connections, ${rounds} rounds\n`,
  )
  const figures: { setting: Setting; roundTripMs: number; rows: readonly Row[] }[] = []
  for (const addedMs of ADDED_ROUND_TRIP_MS) {
    const near = { url: server.tcpUrl, stop: () => Promise.resolve() }
    const { url, stop } = addedMs === 0 ? near : await server.further(io, addedMs / 2)
    try {
      const tripMs = await roundTripMs(url)
      io.write(`\n${addedMs} ms added: a round trip takes ${number(tripMs, 2)} ms\n`)
      await withClients(CANDIDATES, tools.startClient, async clients => {
        for (const [way, client] of clients) await open(client, way, url)
        for (const readsPerSecond of READS_PER_SECOND) {
          const rows = await measure(tools, clients, { readsPerSecond, rounds, ...times })
          io.write(`\n${number(readsPerSecond)} reads/s, ${addedMs} ms added\n${renderRows(rows)}`)
          if (readsPerSecond === KNOWN.readsPerSecond && addedMs === KNOWN.addedMs) io.write(renderComparison(rows))
          figures.push({ setting: { readsPerSecond, addedMs }, roundTripMs: tripMs, rows })
        }
      })
    } finally {
      await stop()
    }
  }
  return { ...times, readsPerArrival: READS_PER_ARRIVAL, connections: CONNECTIONS, figures }
}

async function open(client: Client, way: Way, url: string): Promise<void> {
  await client.ask({ kind: 'open', way, url, connections: CONNECTIONS, instrumentation: 'default' })
}

async function measure(
  { cores }: PartTools,
  clients: ReadonlyMap<Candidate, Client>,
  plan: {
    readonly readsPerSecond: number
    readonly rounds: number
    readonly warmupMs: number
    readonly measureMs: number
  },
): Promise<Row[]> {
  const { rounds, ...load } = plan
  const rows = new Map(Array.from(clients.keys(), candidate => [candidate, [] as OpenLoopResult[]]))
  for (const {
    round,
    candidate: [candidate, client],
  } of interleave([...clients], rounds)) {
    const order = {
      kind: 'open-loop',
      readsPerArrival: READS_PER_ARRIVAL,
      seed: round,
      generatorCore: cores.generator,
    } as const
    rows.get(candidate)?.push(await client.ask({ ...order, ...load }))
  }
  return Array.from(rows, ([candidate, results]) => ({ candidate, rounds: results }))
}

function renderRows(rows: readonly Row[]): string {
  const middle = (row: Row, of: (result: OpenLoopResult) => number): number => summarize(row.rounds.map(of)).median
  const statements = ({ statements }: OpenLoopResult): number => statements ?? 0
  const cpu = ({ cpuUs, reads }: OpenLoopResult): number => cpuUs / reads
  const idle = rows.find(row => row.candidate === NOTHING)
  const own = (row: Row): number => middle(row, cpu) - (idle ? middle(idle, cpu) : 0)
  const reading = (row: Row, text: () => string): string => (row.candidate === NOTHING ? '' : text())
  return renderTable<Row>(
    [
      { heading: 'candidate', align: 'left', cell: row => LABELS[row.candidate] },
      { heading: 'reads', align: 'right', cell: row => number(middle(row, result => result.reads)) },
      { heading: 'statements', align: 'right', cell: row => number(middle(row, statements)) },
      {
        heading: 'reads each',
        align: 'right',
        cell: row =>
          reading(row, () =>
            number(
              middle(row, result => result.reads / statements(result)),
              1,
            ),
          ),
      },
      {
        heading: 'p50 ms',
        align: 'right',
        cell: row =>
          number(
            middle(row, result => result.p50Ms),
            2,
          ),
      },
      {
        heading: 'p99 ms',
        align: 'right',
        cell: row =>
          number(
            middle(row, result => result.p99Ms),
            2,
          ),
      },
      { heading: 'CPU µs per read', align: 'right', cell: row => number(middle(row, cpu), 1) },
      { heading: 'without arrivals', align: 'right', cell: row => reading(row, () => number(own(row), 1)) },
      {
        heading: 'begun late, p99 ms',
        align: 'right',
        cell: row =>
          number(
            middle(row, result => result.startLagP99Ms),
            2,
          ),
      },
    ],
    rows,
  )
}

function renderComparison(rows: readonly Row[]): string {
  const parts = rows.flatMap(({ candidate, rounds }) => {
    if (candidate === NOTHING) return []
    const perRead = summarize(rounds.map(({ statements, reads }) => (statements ?? 0) / reads)).median
    return [`${LABELS[candidate]} ${number(perRead * KNOWN.reads)} (${number(KNOWN.statements[candidate])})`]
  })
  return `  statements for ${number(KNOWN.reads)} reads, and in brackets those of an earlier prototype: ${parts.join(', ')}\n`
}
