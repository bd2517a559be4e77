// Routes through the balancer, at the connections that the field reports speak of: round by round, route by route, condition by condition.
//
// Both stacks are there all the time, one with its cache and one without, on one database; one at a time is asked.
import type { TemporaryPostgres } from '@plimsoll/testing'
import postgres from 'postgres'
import { Latencies } from '../database/latencies.ts'
import { type Account, giveAccounts } from '../field-reports/accounts.ts'
import { readDemoFacts } from '../field-reports/demo-facts.ts'
import { ProcessorAccount } from '../field-reports/processor-account.ts'
import type { BenchIo } from '../suite.ts'
import { AskerProcess } from './asker-process.ts'
import type { AskFigures, Caller } from './asker-protocol.ts'
import type { RouteFigures } from './claims.ts'
import { beginMachineShare, type MachineShare } from './machine-share.ts'
import { CACHING_OFF, ProductionStack } from './production-stack.ts'
import { compareWithDocument, type Condition, type MeasuredRoute, measuredRoutes, MIXED } from './routes.ts'

export interface RouteSettings {
  readonly demo: 'small' | 'full'
  readonly workers: number | null
  /** Each with one request under way at all times. */
  readonly connections: number
  readonly rounds: number
  /** Keys of each route, at most. */
  readonly keys: number
  /** What a cold round asks of each route, at least; the cache is emptied between two passes over its keys. */
  readonly coldRequests: number
  readonly measureMs: number
  /** Of everything, before the first round; of what's cached, before each turn. 0: only the latter, and no longer than it takes. */
  readonly warmupMs: number
}

export interface MeasuredCell {
  readonly route: string
  readonly condition: Condition
  readonly keys: number
  readonly rounds: RouteFigures[]
}

export interface RouteResult {
  readonly postgres: string
  readonly machine: MachineShare
  readonly cells: readonly MeasuredCell[]
  /** What a failed request met, by route. */
  readonly failures: ReadonlyMap<string, string>
}

interface Scene {
  readonly connections: number
  readonly cached: ProductionStack
  readonly uncached: ProductionStack
  readonly processors: ProcessorAccount
  readonly asker: AskerProcess
  /** Signs in on the cached stack, which is asked for what users see of themselves. */
  readonly user: Account
  readonly failures: Map<string, string>
}

/**
 * @param database empty; has the demo data afterwards
 * @throws Error when an answer was wrong, or the API has a GET route that's not in the list here
 */
export async function measureRoutes(
  io: BenchIo,
  database: TemporaryPostgres,
  settings: RouteSettings,
): Promise<RouteResult> {
  const { demo, workers, connections, keys, rounds, warmupMs } = settings
  const plan = { databaseUrl: database.server.url, demo, workers }
  await using ending = new AsyncDisposableStack()

  io.write(`  the stack, on a database with the ${demo} demo data\n`)
  const cached = await ProductionStack.start(io, { ...plan, name: 'stack', env: {} })
  ending.defer(() => cached.stop())
  await tidyUp(database.adminUrl, new URL(database.server.url).pathname)
  io.write('  the stack without its cache\n')
  const uncached = await ProductionStack.start(io, { ...plan, name: 'stack-without-cache', env: CACHING_OFF })
  ending.defer(() => uncached.stop())
  const asker = await AskerProcess.start(io, null)
  ending.defer(() => asker.stop())

  const [user] = await giveAccounts(database.server.url, 1)
  if (user === undefined) throw new Error('the demo data have no users')
  const routes = measuredRoutes(await readDemoFacts(database.server.url), keys)
  const { unmeasured, gone } = compareWithDocument(routes, await cached.documentedPaths())
  if (unmeasured.length > 0 || gone.length > 0)
    throw new Error(
      `bench/src/api/routes.ts lists what the API has: ${list('without', unmeasured)}${list('but not', gone)}`,
    )

  const processors = new ProcessorAccount([{ pid: process.pid, partOf }])
  const scene: Scene = { connections, cached, uncached, processors, asker, user, failures: new Map() }
  const cells = routes.flatMap(route => route.conditions.map(condition => newCell(route, condition)))
  if (warmupMs > 0) {
    io.write(`  ${cells.length} figures a round; warming up\n`)
    const authorizations = await authorizationsOf(io, scene)
    for (const { route, condition } of cells)
      await ask(scene, authorizations, route, condition, condition === 'cold' ? null : warmupMs)
  }
  const machineShare = beginMachineShare(process.pid)
  for (let round = 1; round <= rounds; round++) {
    io.write(`  round ${round} of ${rounds}\n`)
    await measureRound(io, scene, cells, settings)
  }
  return {
    postgres: database.server.version,
    machine: machineShare(),
    cells: cells.map(({ route, ...cell }) => ({ ...cell, route: route.name })),
    failures: scene.failures,
  }
}

interface Cell extends Omit<MeasuredCell, 'route'> {
  readonly route: MeasuredRoute
}

function newCell(route: MeasuredRoute, condition: Condition): Cell {
  return { route, condition, keys: asksOf(route, condition).length, rounds: [] }
}

function asksOf({ asks, cachedKeys }: MeasuredRoute, condition: Condition): MeasuredRoute['asks'] {
  return condition === 'cached' ? asks.slice(0, cachedKeys) : asks
}

async function measureRound(
  io: BenchIo,
  scene: Scene,
  cells: readonly Cell[],
  { coldRequests, warmupMs, measureMs }: RouteSettings,
): Promise<void> {
  const authorizations = await authorizationsOf(io, scene)
  const cold = cells.filter(({ condition }) => condition === 'cold')
  // Routes share nothing in the cache, so it's emptied once for all of them; the one that's all in turn comes by itself.
  const isMixed = ({ route }: Cell) => route.name === MIXED
  await measureCold(io, scene, authorizations, cold.filter(isMixed), coldRequests)
  await measureCold(
    io,
    scene,
    authorizations,
    cold.filter(cell => !isMixed(cell)),
    coldRequests,
  )
  for (const { route, condition, rounds } of cells) {
    if (condition === 'cold') continue
    // Into the memory of each worker, not of one.
    if (condition === 'cached') await ask(scene, authorizations, route, condition, warmupMs)
    rounds.push(summarize([await ask(scene, authorizations, route, condition, measureMs)]))
  }
}

/** Pass by pass over their keys, each with an empty cache, until each route was asked often enough. */
async function measureCold(
  io: BenchIo,
  scene: Scene,
  authorizations: Authorizations,
  cells: readonly Cell[],
  requests: number,
): Promise<void> {
  const passes = cells.map(() => [] as Pass[])
  const isDone = (cell: Cell, i: number) => (passes[i]?.length ?? 0) * cell.keys >= requests
  while (!cells.every(isDone)) {
    await scene.cached.forget(io.signal)
    for (const [i, cell] of cells.entries()) {
      if (!isDone(cell, i)) passes[i]?.push(await ask(scene, authorizations, cell.route, cell.condition, null))
    }
  }
  for (const [i, { rounds }] of cells.entries()) rounds.push(summarize(passes[i] ?? []))
}

const OF_THE_BENCH = 'bench'

function partOf(command: string): string {
  if (command.includes('apps/balancer/')) return 'balancer'
  if (command.includes('apps/api/')) return 'API'
  return command.includes('postgres') ? 'PostgreSQL' : OF_THE_BENCH
}

interface Pass extends AskFigures {
  /** Of all requests together, by part. */
  readonly cpuUs: Readonly<Record<string, number>>
}

/** What callers send, of the stack with its cache and of the other one. */
interface Authorizations {
  readonly cached: Readonly<Record<Caller, string>>
  readonly uncached: Readonly<Record<'operator', string>>
}

/** For a round: a user's would expire after a quarter of an hour. */
async function authorizationsOf(io: BenchIo, { cached, uncached, user }: Scene): Promise<Authorizations> {
  return {
    cached: { operator: cached.operatorAuthorization, user: await cached.signIn(user, io.signal) },
    uncached: { operator: uncached.operatorAuthorization },
  }
}

/** @param forMs null: every key once */
async function ask(
  { connections, cached, uncached, processors, asker, failures }: Scene,
  authorizations: Authorizations,
  route: MeasuredRoute,
  condition: Condition,
  forMs: number | null,
): Promise<Pass> {
  const isCached = condition !== 'warm'
  const cpuUsed = processors.begin()
  const figures = await asker.ask({
    address: isCached ? cached.address : uncached.address,
    fields: ['Host: bench.example', 'Accept: application/json'],
    authorizations: isCached ? authorizations.cached : authorizations.uncached,
    asks: asksOf(route, condition),
    connections,
    forMs,
    stable: route.stable,
  })
  if (figures.firstFailure !== null) failures.set(route.name, failures.get(route.name) ?? figures.firstFailure)
  return { ...figures, cpuUs: cpuUsed() }
}

function summarize(passes: readonly Pass[]): RouteFigures {
  const latencies = new Latencies()
  let requests = 0
  let sumMs = 0
  for (const ms of passes.flatMap(({ latenciesMs }) => latenciesMs)) {
    latencies.add(ms)
    requests++
    sumMs += ms
  }
  const total = (of: (pass: Pass) => number) => passes.reduce((sum, pass) => sum + of(pass), 0)
  const failed = total(pass => pass.failed)
  const parts = Object.keys(passes[0]?.cpuUs ?? {}).filter(part => part !== OF_THE_BENCH)
  return {
    requests,
    perSecond: requests / total(pass => pass.seconds),
    ...latencies.quantilesMs({ p50Ms: 0.5, p90Ms: 0.9, p95Ms: 0.95, p99Ms: 0.99 }),
    averageMs: sumMs / requests,
    errors: failed / (requests + failed),
    hits: total(pass => pass.hits) / requests,
    cpuUs: Object.fromEntries(parts.map(part => [part, total(pass => pass.cpuUs[part] ?? 0) / (requests + failed)])),
  }
}

/** As it will be in an hour, and not in the middle of a measurement. */
async function tidyUp(adminUrl: string, pathname: string): Promise<void> {
  const url = new URL(adminUrl)
  url.pathname = pathname
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  try {
    await sql`vacuum analyze`
  } finally {
    await sql.end({ timeout: 5 })
  }
}

function list(word: string, names: readonly string[]): string {
  return names.length === 0 ? '' : ` ${word} ${names.join(', ')};`
}
