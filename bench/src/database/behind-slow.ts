// Fast statements behind slow ones: a driver that pipelines sends them on connections that are busy for long.
import { interleave } from '../rounds.ts'
import { number, percent, renderTable } from '../report.ts'
import { summarize } from '../statistics.ts'
import type { BurstResult, Way } from './client-protocol.ts'
import { withClients } from './client.ts'
import type { Part, PartTools } from './part.ts'

const CANDIDATES = ['postgres.js', 'ours'] as const satisfies readonly Way[]
const CONNECTIONS = 10
const SLOW_MS = 500
const FAST = 100
/** A few, and most of the connections. */
const SLOW = [3, 7] as const
const BURSTS = 2

interface Row {
  readonly way: Way
  readonly rounds: readonly BurstResult[]
}

export const behindSlow: Part = {
  name: 'behind-slow',
  summary: 'fast statements behind slow ones: plain postgres.js and ours',
  run,
}

async function run(tools: PartTools): Promise<object> {
  const { io, effort, server } = tools
  const rounds = effort.quick ? 1 : Math.ceil(effort.rounds / 10)
  io.write(
    `\nbehind slow ones: ${CONNECTIONS} connections, pg_sleep(${SLOW_MS / 1000}) and ${FAST} reads right behind them, ${rounds * BURSTS} times\n`,
  )
  return withClients(CANDIDATES, tools.startClient, async clients => {
    for (const [way, client] of clients) {
      await client.ask({ kind: 'open', way, url: server.tcpUrl, connections: CONNECTIONS, instrumentation: 'default' })
      // Else the first burst shows the compiler's work.
      await client.ask({ kind: 'closed-loop', inFlight: CONNECTIONS, warmupMs: 300, measureMs: 1 })
    }
    const figures: { slow: number; rows: readonly Row[] }[] = []
    for (const slow of SLOW) {
      const results = new Map(CANDIDATES.map(way => [way, [] as BurstResult[]]))
      for (const {
        candidate: [way, client],
      } of interleave([...clients], rounds)) {
        results.get(way)?.push(await client.ask({ kind: 'burst', slow, slowMs: SLOW_MS, fast: FAST, bursts: BURSTS }))
      }
      const rows = Array.from(results, ([way, rounds]) => ({ way, rounds }))
      io.write(`\n${slow} slow ones\n${renderRows(rows)}`)
      figures.push({ slow, rows })
    }
    return { connections: CONNECTIONS, slowMs: SLOW_MS, fast: FAST, figures }
  })
}

function renderRows(rows: readonly Row[]): string {
  const middle = (row: Row, of: (result: BurstResult) => number): number => summarize(row.rounds.map(of)).median
  return renderTable<Row>(
    [
      { heading: 'candidate', align: 'left', cell: row => row.way },
      {
        heading: 'p50 ms',
        align: 'right',
        cell: row =>
          number(
            middle(row, result => result.p50Ms),
            1,
          ),
      },
      {
        heading: 'p99 ms',
        align: 'right',
        cell: row =>
          number(
            middle(row, result => result.p99Ms),
            1,
          ),
      },
      { heading: 'held up', align: 'right', cell: row => percent(middle(row, result => result.heldUp)) },
    ],
    rows,
  )
}
