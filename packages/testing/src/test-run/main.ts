// What `npm test` runs: starts one PostgreSQL for all test files, then tap with the arguments given, and always stops the server and removes its folder.
// With PLIMSOLL_TEST_DATABASE_URL set, the server there is used, as superuser, and none is started.
//
// Exit code: tap's; or 128 + the number of the signal that ended it or came before it began; or 1 when PostgreSQL couldn't be started.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { availableParallelism, constants } from 'node:os'
import path from 'node:path'
import { startTemporaryPostgres } from '../temporary-postgres.ts'
import { DATABASE_URL_VARIABLE, readTestEnvironment } from '../test-environment.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Time that tap gets to end its test files after a signal, in milliseconds; then it's killed. */
const SIGNAL_TIMEOUT_MS = 20_000

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  let received: NodeJS.Signals | undefined
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      received ??= signal
      stopping.abort(new Error(`ended by ${signal}`))
      // Ctrl-C reaches the whole foreground group, tap included; a second SIGINT would make it end without a report.
      if (!(signal === 'SIGINT' && process.stdin.isTTY)) child?.kill(signal)
      timer ??= setTimeout(() => child?.kill('SIGKILL'), SIGNAL_TIMEOUT_MS).unref()
    })
  }
  try {
    const tap = findTap(process.cwd())
    const given = readTestEnvironment().databaseUrl
    const server = given === undefined ? await startTemporaryPostgres({ signal: stopping.signal }) : undefined
    try {
      stopping.signal.throwIfAborted()
      const chosen = await Array.fromAsync(expandFolders(args))
      // The thresholds of coverage are for the whole: a part of the tests doesn't load all of the code.
      const partly = chosen.length > 0 ? ['--allow-incomplete-coverage'] : []
      // Many tests wait for sockets and child processes: one more at a time than there are cores keeps all of them busy.
      const jobs = args.some(arg => arg.startsWith('--jobs') || arg.startsWith('-j'))
        ? []
        : [`--jobs=${availableParallelism() + 1}`]
      child = spawn(process.execPath, [tap, ...chosen, ...jobs, ...partly], {
        stdio: 'inherit',
        env: { ...process.env, [DATABASE_URL_VARIABLE]: given ?? server?.adminUrl },
      })
      return await exitCodeOf(child)
    } finally {
      clearTimeout(timer)
      await server?.stop()
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return received === undefined ? 1 : 128 + constants.signals[received]
  }
}

/** tap takes every program below a folder for a test: a folder stands for the test files below it. */
async function* expandFolders(args: readonly string[]): AsyncGenerator<string> {
  for (const arg of args) {
    if (arg.startsWith('-') || !statSync(arg, { throwIfNoEntry: false })?.isDirectory()) yield arg
    else yield* glob(path.join(arg, '**/*.test.ts'), { exclude: name => name.split(path.sep).includes('node_modules') })
  }
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']))
  })
}

/** The workspace's tap, from whichever folder of it the run was started. */
function findTap(from: string): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'node_modules', '.bin', 'tap')
    if (existsSync(file)) return realpathSync(file)
    if (folder === path.dirname(folder)) throw new Error(`tap isn't installed in ${from} or above it: run npm ci.`)
  }
}
