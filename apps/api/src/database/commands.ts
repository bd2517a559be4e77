// What the database commands do, and how they tell about it: lines to read, or one JSON object per line ({ step, done, total, ms }).
import type { DatabaseCommandConfig } from '../config.ts'
import { systemClock } from '../programs.ts'
import { MIGRATIONS_FOLDER } from './check.ts'
import type { Sql } from './database.ts'
import { loadDemoData } from './demo-data/load.ts'
import { migrate, type OnStep } from './migrate.ts'
import { readMigrations } from './migrations-folder.ts'
import { emptyDatabase } from './reset.ts'
import { withConnection } from './single-connection.ts'

const COMMANDS = ['migrate', 'seed', 'reset'] as const
export type Command = (typeof COMMANDS)[number]

export function isCommand(text: string): text is Command {
  return (COMMANDS as readonly string[]).includes(text)
}

/**
 * Runs one command on a connection of its own.
 * @param print gets each line, without its end
 * @throws SetupError for everything that can be expected
 */
export async function runCommand(
  command: Command,
  config: DatabaseCommandConfig,
  print: (line: string) => void,
): Promise<void> {
  const report = config.progress === 'json' ? jsonReport(print) : textReport(print)
  const tools = { clock: systemClock, onStep: report.step }
  await withConnection(
    { ...config.database, applicationName: `plimsoll-api ${command}`, commandTimeoutS: 0 },
    async sql => {
      switch (command) {
        case 'migrate':
          report.end(summary(await migrateAll(sql, tools.onStep)))
          return
        case 'seed': {
          const result = await loadDemoData(sql, config.size, tools)
          report.end(
            result === 'loaded' ? `Demo data "${config.size}" loaded.` : `Demo data "${config.size}" is there already.`,
          )
          return
        }
        case 'reset':
          await emptyDatabase(sql, config.environment)
          report.end(`Emptied. ${summary(await migrateAll(sql, tools.onStep))}`)
          return
        default:
          command satisfies never
      }
    },
  )
}

async function migrateAll(sql: Sql, onStep: OnStep): Promise<readonly string[]> {
  return migrate(sql, await readMigrations(MIGRATIONS_FOLDER), { clock: systemClock, onStep })
}

function summary(applied: readonly string[]): string {
  return applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`
}

interface Report {
  readonly step: OnStep
  end(summary: string): void
}

function jsonReport(print: (line: string) => void): Report {
  return {
    step: ({ name, done, total, ms }) => print(JSON.stringify({ step: name, done, total, ms })),
    end: text => print(JSON.stringify({ msg: text })),
  }
}

function textReport(print: (line: string) => void): Report {
  return {
    // One line per finished step; the pieces in between are for programs that draw a bar.
    step: ({ name, done, ms, finished }) => {
      if (finished) print(`${name}  ${done}  ${ms} ms`)
    },
    end: print,
  }
}
