// Everything that a run starts, in order, and ends in reverse: the databases, the two services, and those who ask them.
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { roundTripMs } from '../database/server.ts'
import type { BenchIo } from '../suite.ts'
import { Answers } from './answers.ts'
import { newAddresses, newLoginQuestion, signUpQuestion } from './auth-questions.ts'
import type { Claim } from './claims.ts'
import { compareAnswers, type Contestants, type Effort, measure, type Measured, warmUp } from './comparison.ts'
import { type Databases, type DemoSize, makeDatabases, moveAway } from './databases.ts'
import { readDemoFacts } from './demo-facts.ts'
import { ProcessorAccount } from './processor-account.ts'
import { accountsWanted, CROWDS, makeScenarios, type ScenarioSizes } from './scenarios.ts'
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
  const databases = await makeDatabases(io, settings.size, accountsWanted(settings.scenarios))
  ending.defer(() => databases.stop())
  const wanted = new Set<string>(settings.claims.flatMap(({ scenarios }) => scenarios))
  const facts = await readDemoFacts(databases.after)
  const run = randomBytes(4).toString('hex')
  const signIns = { accounts: databases.accounts, run }
  const scenarios = makeScenarios(facts, settings.scenarios, signIns).filter(({ name }) => wanted.has(name))

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
    operatorAuthorization: ours.operatorAuthorization,
    processors: new ProcessorAccount([ours.processes, server]),
  })
  ending.defer(() => after.close())

  const contestants: Contestants = {
    before,
    after,
    async forget() {
      await ours.forget()
      for (const side of [before, after]) await side.renewSessions()
    },
  }
  const answers = new Answers()
  const signsUp = scenarios.some(({ name }) => name === 'sign-up')
  if (signsUp) await proveSignUp([before, after], `${run}-first`, answers)
  const compared = await compareAnswers(contestants, scenarios, answers)
  io.write(`  ${compared} answers of one are the same data as the other's\n`)
  await warmUp(io, contestants, scenarios, answers, settings.effort)
  const measured = await measure(io, contestants, scenarios, answers, settings.effort)
  if (signsUp) await compareNewAccounts(databases, run)
  return { postgres: databases.version, roundTripMs: roundTrip, droppedIndexes: databases.droppedIndexes, measured }
}

/** Answers to sign-ups say nothing, so one of them signs in. @throws Error when that's refused, or gives another session than on the other side */
async function proveSignUp(sides: readonly Side[], name: string, answers: Answers): Promise<void> {
  for (const question of [signUpQuestion(name), newLoginQuestion(name)]) {
    for (const side of sides) answers.check(question, side.name, (await side.ask(question[side.name])).text)
  }
}

/** @throws Error unless every sign-up has made an account with a password, on both sides */
async function compareNewAccounts({ before, after }: Databases, run: string): Promise<void> {
  const [left, right] = await Promise.all([before, after].map(url => countNewAccounts(url, run)))
  if (left !== right || left === 0)
    throw new Error(`sign-ups made ${left} accounts before, and ${right} accounts of ours`)
}

async function countNewAccounts(url: string, run: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [row] = await sql<{ count: number }[]>`
      select count(*)::int as count from users join credentials on user_id = id where email like ${newAddresses(run)}`
    return row?.count ?? 0
  } finally {
    await sql.end({ timeout: 5 })
  }
}

function atPort(url: string, port: string): string {
  const other = new URL(url)
  other.port = port
  return other.href
}
