// Everything that a run starts, in order, and ends in reverse: the databases, the two services, and those who ask them.
import { roundTripMs } from '../database/server.ts'
import type { BenchIo } from '../suite.ts'
import { Answers } from './answers.ts'
import type { Claim } from './claims.ts'
import { compareAnswers, type Effort, measure, type Measured, warmUp } from './comparison.ts'
import { type DemoSize, makeDatabases, moveAway } from './databases.ts'
import { readDemoFacts } from './demo-facts.ts'
import { ProcessorAccount } from './processor-account.ts'
import { CROWDS, makeScenarios, type ScenarioSizes } from './scenarios.ts'
import { postgresProcesses, startNaiveService, startOurService } from './services.ts'
import { Side } from './side.ts'

export interface RunSettings {
  /** What they need is measured. */
  readonly claims: readonly Claim[]
  readonly size: DemoSize
  readonly scenarios: ScenarioSizes
  readonly effort: Effort
  /** How much further away the database is than it was, one way. */
  readonly distanceMs: number
  /** Of our service; null: as many as it starts by itself. */
  readonly workers: number | null
}

export interface RunResult {
  readonly postgres: string
  /** To the database and back: a statement that does nothing, one at a time, the median. */
  readonly roundTripMs: number
  readonly droppedIndexes: readonly string[]
  readonly measured: readonly Measured[]
}

/** @throws Error when a service doesn't start, or an answer was wrong */
export async function measureServices(io: BenchIo, settings: RunSettings): Promise<RunResult> {
  await using ending = new AsyncDisposableStack()
  io.write(`  two databases with the ${settings.size} demo data\n`)
  const databases = await makeDatabases(io, settings.size)
  ending.defer(() => databases.stop())
  const wanted = new Set<string>(settings.claims.flatMap(({ scenarios }) => scenarios))
  const facts = await readDemoFacts(databases.after)
  const scenarios = makeScenarios(facts, settings.scenarios).filter(({ name }) => wanted.has(name))

  const way = await moveAway(io, databases.after, settings.distanceMs)
  ending.defer(() => way.stop())
  const urls = { before: atPort(databases.before, way.port), after: atPort(databases.after, way.port) }

  const roundTrip = await roundTripMs(urls.after)

  io.write('  the services\n')
  const naive = await startNaiveService(io, urls.before)
  ending.defer(() => naive.stop())
  const ours = await startOurService(io, { databaseUrl: urls.after, size: settings.size, workers: settings.workers })
  ending.defer(() => ours.stop())

  const common = { connections: Math.max(...CROWDS), signal: io.signal }
  const server = postgresProcesses(databases)
  const before = new Side({
    ...common,
    name: 'before',
    origin: naive.origin,
    databaseUrl: urls.before,
    processors: new ProcessorAccount([naive.processes, server]),
  })
  ending.defer(() => before.close())
  const after = new Side({
    ...common,
    name: 'after',
    origin: ours.origin,
    databaseUrl: urls.after,
    processors: new ProcessorAccount([ours.processes, server]),
  })
  ending.defer(() => after.close())

  const contestants = { before, after, forget: () => ours.forget() }
  const answers = new Answers()
  const compared = await compareAnswers(contestants, scenarios, answers)
  io.write(`  ${compared} answers of one are the same data as the other's\n`)
  await warmUp(io, contestants, scenarios, answers, settings.effort)
  const measured = await measure(io, contestants, scenarios, answers, settings.effort)
  return { postgres: databases.version, roundTripMs: roundTrip, droppedIndexes: databases.droppedIndexes, measured }
}

function atPort(url: string, port: string): string {
  const other = new URL(url)
  other.port = port
  return other.href
}
