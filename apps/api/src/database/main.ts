// The database commands: `node src/database/main.ts migrate | plan | rehearse | repair NUMBER pending|done | seed | reset | verify`, with DATABASE_URL set;
// where that leads through a pooler, DATABASE_DIRECT_URL as well.
//
//   migrate   applies the migrations that are missing
//   plan      says which those are, and changes nothing
//   rehearse  applies them in one transaction and takes it back: for a copy of the database, since it holds their locks meanwhile
//   repair    says of a migration that was interrupted outside a transaction that it may run again (pending), or is complete (done)
//   seed      loads the demo data, once
//   reset     empties the database and applies all migrations
//   verify    says which indexes are missing, not as declared, needless or never used, and proves that each listed query uses its own
import { loadConfig } from '@plimsoll/config'
import { clearCache } from '../cache/cache.ts'
import { databaseProgram } from '../config/config.ts'
import { cacheSettings, commandDatabase } from '../config/settings.ts'
import { SetupError } from '../errors.ts'
import { explain } from '../programs.ts'
import { isCommand, runCommand } from './commands.ts'

async function run(): Promise<void> {
  const loaded = loadConfig(databaseProgram, { env: process.env, argv: process.argv.slice(2) })
  if (loaded.kind === 'help') return void process.stdout.write(loaded.text)
  const { operands } = loaded
  if (!isCommand(operands)) throw new SetupError('API_ERR_COMMAND', `Give one command: ${databaseProgram.operands}.`)
  if (loaded.kind === 'check') return void process.stdout.write('The configuration is valid.\n')
  const [command, ...words] = operands
  const config = { ...loaded.config, database: commandDatabase(loaded.config.database) }
  await runCommand(command, config, text => process.stdout.write(`${text}\n`), words)
  // What workers hold of the rows that were replaced; they may be running, and what the machine keeps outlives them.
  if (command === 'seed' || command === 'reset') await clearCache(cacheSettings(config), config.database.url)
}

run().catch((error: unknown) => {
  process.stderr.write(`${explain('plimsoll-api-database', error)}\n`)
  process.exitCode = 1
})
