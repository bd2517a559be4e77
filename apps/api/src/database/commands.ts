// What the database commands do, and how they tell about it: lines to read, or one JSON object per line ({ step, done, total, ms }, { msg }).
import type { DatabaseCommandConfig } from '../config/schemas.ts'
import { SetupError } from '../errors.ts'
import { systemClock } from '../programs.ts'
import { MIGRATIONS_FOLDER } from './check.ts'
import type { DriverSql } from './driver.ts'
import { loadDemoData } from './demo-data/load.ts'
import { migrate, pendingMigrations, rehearse, repair, type MigrationReport, type MigrationTarget } from './migrate.ts'
import { emptyDatabase } from './reset.ts'
import { toSetupError } from './failures.ts'
import { renderVerification } from './verify/report.ts'
import { verify, type Verdict } from './verify/verify.ts'
import { withConnection } from './single-connection.ts'
import type { OnStep } from './steps.ts'

/** Each with the number of words that follow it. */
const COMMANDS = { migrate: 0, plan: 0, rehearse: 0, repair: 2, seed: 0, reset: 0, verify: 0 } as const
export type Command = keyof typeof COMMANDS

/** Whether this is a command with as many words after it as it takes. */
export function isCommand(words: readonly string[]): words is readonly [Command, ...string[]] {
  const [command = '', ...more] = words
  return Object.hasOwn(COMMANDS, command) && COMMANDS[command as Command] === more.length
}

/**
 * Runs one command on a connection of its own.
 * @param words what follows the command: of `repair`, the migration's number and `pending` or `done`
 * @param print gets each line, without its end
 * @throws SetupError for everything that can be expected
 */
export async function runCommand(
  command: Command,
  config: Omit<DatabaseCommandConfig, 'cache'>,
  print: (line: string) => void,
  words: readonly string[] = [],
): Promise<void> {
  const report = config.progress === 'json' ? jsonReport(print) : textReport(print)
  const { database } = config
  const applicationName = `plimsoll-api ${command}`
  const target: MigrationTarget = { ...database, applicationName, folder: MIGRATIONS_FOLDER }
  const connected = <Result>(work: (sql: DriverSql) => Promise<Result>): Promise<Result> =>
    withConnection({ ...database, applicationName, commandTimeoutS: 0 }, work)
  switch (command) {
    case 'migrate':
      return report.onNote(summary(await migrate(target, report)))
    case 'plan':
      return plan(target, report)
    case 'rehearse': {
      const rehearsed = await rehearse(target)
      for (const { name, rehearsed: ran, ms } of rehearsed) {
        report.onNote(
          ran ? `${name} would succeed (${ms} ms).` : `${name} runs outside a transaction and was left out.`,
        )
      }
      return report.onNote(rehearsed.length === 0 ? UP_TO_DATE : 'Everything was rolled back.')
    }
    case 'repair': {
      const [version, as] = repairWords(words)
      return report.onNote(`${await repair(target, version, as)} is recorded as ${as}.`)
    }
    case 'seed': {
      const result = await connected(sql =>
        loadDemoData(sql, config.size, { clock: systemClock, onStep: report.onStep }),
      )
      return report.onNote(
        result === 'loaded' ? `Demo data "${config.size}" loaded.` : `Demo data "${config.size}" is there already.`,
      )
    }
    case 'reset':
      await connected(sql => emptyDatabase(sql, config.environment))
      return report.onNote(`Emptied. ${summary(await migrate(target, report))}`)
    case 'verify':
      return verifyIndexes(config, report)
    default:
      return command satisfies never
  }
}

const UP_TO_DATE = 'The schema is up to date.'

async function plan(target: MigrationTarget, report: MigrationReport): Promise<void> {
  const pending = await pendingMigrations(target)
  for (const { name, statements, inTransaction } of pending) {
    report.onNote(
      `${name}  ${statements} ${statements === 1 ? 'statement' : 'statements'}${inTransaction ? '' : ', outside a transaction'}`,
    )
  }
  report.onNote(pending.length === 0 ? UP_TO_DATE : `${pending.length} to be applied; nothing was changed.`)
}

/** @throws API_ERR_ADVICE_REFUSED; API_ERR_INDEXES when something is to be done */
async function verifyIndexes(
  { environment, database, advise }: Omit<DatabaseCommandConfig, 'cache'>,
  report: MigrationReport,
): Promise<void> {
  if (advise && environment === 'production') {
    throw new SetupError(
      'API_ERR_ADVICE_REFUSED',
      'verify --advise builds indexes to try them out, which locks their tables: run it on a copy, with another NODE_ENV.',
    )
  }
  const found = await verify({ target: database, migrationsFolder: MIGRATIONS_FOLDER, advise }).catch(
    (error: unknown) => {
      throw toSetupError(error, database.url)
    },
  )
  for (const line of renderVerification(found)) report.onNote(line)
  if (found.passed) return
  const { missing, different, invalid, duplicate } = found.indexes
  const queriesThat = (verdict: Verdict) => found.queries.filter(query => query.verdict === verdict).length
  throw new SetupError(
    'API_ERR_INDEXES',
    `Missing indexes: ${missing.length}, different: ${different.length}, invalid: ${invalid.length}, duplicate: ${duplicate.length}; queries without their index: ${queriesThat('not-used')}, without statistics: ${queriesThat('no-statistics')}. The lines above name them.`,
  )
}

/** @throws API_ERR_COMMAND */
function repairWords([version = '', as = '']: readonly string[]): readonly [number, 'pending' | 'done'] {
  if (/^[0-9]{1,4}$/.test(version) && (as === 'pending' || as === 'done')) return [Number(version), as]
  throw new SetupError(
    'API_ERR_COMMAND',
    "Give repair the migration's number and what it is: repair 12 pending (it may run again), or repair 12 done (its work is all there).",
  )
}

function summary(applied: readonly string[]): string {
  return applied.length === 0 ? UP_TO_DATE : `Applied ${applied.join(', ')}.`
}

function jsonReport(print: (line: string) => void): MigrationReport {
  return {
    onStep: ({ name, done, total, ms }) => print(JSON.stringify({ step: name, done, total, ms })),
    onNote: text => print(JSON.stringify({ msg: text })),
  }
}

function textReport(print: (line: string) => void): MigrationReport {
  return { onStep: printFinished(print), onNote: print }
}

/** One line per finished step; the pieces in between are for programs that draw a bar. */
function printFinished(print: (line: string) => void): OnStep {
  return ({ name, done, ms, finished }) => {
    if (finished) print(`${name}  ${done}  ${ms} ms`)
  }
}
