// The database commands: `node src/database/main.ts migrate | seed | reset`, with DATABASE_URL set.
//
//   migrate   applies the migrations that are missing
//   seed      loads the demo data, once
//   reset     empties the database and applies all migrations
import { loadConfig } from '@plimsoll/config'
import { databaseProgram } from '../config.ts'
import { SetupError } from '../errors.ts'
import { explain } from '../programs.ts'
import { isCommand, runCommand } from './commands.ts'

async function run(): Promise<void> {
  const loaded = loadConfig(databaseProgram, { env: process.env, argv: process.argv.slice(2) })
  if (loaded.kind === 'help') return void process.stdout.write(loaded.text)
  const [command = '', ...more] = loaded.operands
  if (!isCommand(command) || more.length > 0)
    throw new SetupError('API_ERR_COMMAND', `Give one command: ${databaseProgram.operands}.`)
  if (loaded.kind === 'check') return void process.stdout.write('The configuration is valid.\n')
  await runCommand(command, loaded.config, text => process.stdout.write(`${text}\n`))
}

run().catch((error: unknown) => {
  process.stderr.write(`${explain('plimsoll-api-database', error)}\n`)
  process.exitCode = 1
})
