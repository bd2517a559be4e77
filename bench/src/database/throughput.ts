// Reads by primary key, as fast as they go: plain postgres.js, ours, ours through the loader.
import { interleave } from '../rounds.ts'
import { number, percent, renderTable } from '../report.ts'
import { summarize } from '../statistics.ts'
import type { ClosedLoopResult, Way } from './client-protocol.ts'
import { type Client, withClients } from './client.ts'
import { intervalName, judge, pairedRatio, renderRatio } from '../paired.ts'
import type { Part, PartTools } from './part.ts'

const PLAIN = 'postgres.js'
const OURS = 'ours'
const LOADER = 'ours, loader'
const CANDIDATES = [PLAIN, OURS, LOADER] as const satisfies readonly Way[]
const CONNECTIONS = [4, 10] as const
/** Reads under way per connection. */
const LOADS = [1, 4] as const
/** Until the compiler is done with a client. */
const COMPILED_AFTER_MS = 400
/** Share of the time that others may have the client's core. */
const QUIET_ENOUGH = 0.05
/** With as many reads under way as connections: above, the driver pipelines, which is what ours refuses. */
const GOAL_OURS = 0.9
/** With four times as many. */
const GOAL_LOADER = 1.5

interface Setting {
  readonly way: 'TCP' | 'Unix socket'
  readonly url: string
  readonly connections: number
  readonly inFlight: number
}

type Rounds = Readonly<Record<(typeof CANDIDATES)[number], readonly ClosedLoopResult[]>>

export const throughput: Part = {
  name: 'throughput',
  summary: 'reads/s by primary key, over TCP and Unix socket, plain postgres.js and ours',
  run,
}

async function run(tools: PartTools): Promise<object> {
  const { io, effort } = tools
  const rounds = effort.quick ? 2 : effort.rounds
  // Many short rounds: what disturbs a machine comes in seconds, so that neighbours in time have the most in common.
  const times = { warmupMs: 30, measureMs: 150 }
  io.write(
    `\nthroughput: reads by primary key, ${rounds} rounds, ratios to ${PLAIN} round by round: median (${intervalName(rounds)})\n`,
  )
  return withClients(CANDIDATES, tools.startClient, async clients => {
    const figures: { setting: Omit<Setting, 'url'>; rounds: Rounds }[] = []
    for (const setting of settingsOf(tools)) {
      const measured = await measure(clients, setting, rounds, times)
      io.write(renderSetting(setting, measured))
      const { url: _, ...facts } = setting
      figures.push({ setting: facts, rounds: measured })
    }
    return { ...times, figures }
  })
}

async function measure(
  clients: ReadonlyMap<(typeof CANDIDATES)[number], Client>,
  { url, connections, inFlight }: Setting,
  rounds: number,
  times: { readonly warmupMs: number; readonly measureMs: number },
): Promise<Rounds> {
  const results = { [PLAIN]: [], [OURS]: [], [LOADER]: [] } as Record<(typeof CANDIDATES)[number], ClosedLoopResult[]>
  for (const [way, client] of clients) {
    await client.ask({ kind: 'open', way, url, connections, instrumentation: 'default' })
    await client.ask({ kind: 'closed-loop', inFlight, warmupMs: COMPILED_AFTER_MS, measureMs: 1 })
  }
  for (const {
    candidate: [way, client],
  } of interleave([...clients], rounds)) {
    results[way].push(await client.ask({ kind: 'closed-loop', inFlight, ...times }))
  }
  for (const client of clients.values()) await client.ask({ kind: 'close' })
  return results
}

function settingsOf({ server }: PartTools): Setting[] {
  const ways = [
    { way: 'TCP', url: server.tcpUrl },
    { way: 'Unix socket', url: server.socketUrl },
  ] as const
  return ways.flatMap(({ way, url }) => {
    if (url === null) return []
    return CONNECTIONS.flatMap(connections =>
      LOADS.map(load => ({ way, url, connections, inFlight: load * connections })),
    )
  })
}

const readsPerSecond = ({ reads, seconds }: ClosedLoopResult): number => reads / seconds
const cpuPerRead = ({ reads, cpuUs }: ClosedLoopResult): number => cpuUs / reads
const waiting = ({ seconds, waitedForCoreMs }: ClosedLoopResult): number => waitedForCoreMs / 1000 / seconds
const busy = ({ seconds, cpuUs }: ClosedLoopResult): number => cpuUs / 1e6 / seconds

function renderSetting({ way, connections, inFlight }: Setting, rounds: Rounds): string {
  const plain = rounds[PLAIN]
  const ratio = (name: keyof Rounds, of: (result: ClosedLoopResult) => number) =>
    pairedRatio(rounds[name].map(of), plain.map(of))
  const middle = (name: keyof Rounds, of: (result: ClosedLoopResult) => number) =>
    summarize(rounds[name].map(of)).median
  const least = (name: keyof Rounds, of: (result: ClosedLoopResult) => number): number =>
    summarize(rounds[name].map(of)).min
  const verdict = (name: keyof Rounds): string => {
    const goal = goalOf(name, inFlight / connections)
    if (goal === null) return ''
    return `≥ ${goal}: ${judge(ratio(name, readsPerSecond), { atLeast: goal })}`
  }
  const table = renderTable<keyof Rounds>(
    [
      { heading: 'candidate', align: 'left', cell: name => name },
      { heading: 'reads/s', align: 'right', cell: name => number(middle(name, readsPerSecond)) },
      { heading: 'ratio', align: 'right', cell: name => renderRatio(ratio(name, readsPerSecond)) },
      { heading: 'goal', align: 'left', cell: verdict },
      { heading: 'CPU µs per read', align: 'right', cell: name => number(middle(name, cpuPerRead), 1) },
      { heading: 'ratio', align: 'right', cell: name => renderRatio(ratio(name, cpuPerRead)) },
      // Whatever else runs only adds to it.
      { heading: 'least', align: 'right', cell: name => number(least(name, cpuPerRead), 1) },
      {
        heading: 'ratio',
        align: 'right',
        cell: name => number(least(name, cpuPerRead) / least(PLAIN, cpuPerRead), 2),
      },
      { heading: 'busy', align: 'right', cell: name => percent(middle(name, busy)) },
      { heading: 'kept off its core', align: 'right', cell: name => percent(middle(name, waiting)) },
    ],
    CANDIDATES,
  )
  const waited = Math.max(...CANDIDATES.map(name => middle(name, waiting)))
  const warning =
    waited > QUIET_ENOUGH
      ? `*** other programs had the client's core for ${percent(waited)} of the time: believe ratios of CPU time, not reads/s\n`
      : ''
  return `\n${way}, ${connections} connections, ${inFlight} reads under way\n${table}${warning}`
}

function goalOf(name: keyof Rounds, load: number): number | null {
  if (name === OURS && load === 1) return GOAL_OURS
  if (name === LOADER && load === 4) return GOAL_LOADER
  return null
}
