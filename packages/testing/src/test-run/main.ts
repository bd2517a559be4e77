// What `npm test` runs: starts one PostgreSQL for all test files, then Node's test runner, and always stops the server and removes its folder.
// With PLIMSOLL_TEST_DATABASE_URL set, the server there is used, as superuser, and none is started.
//
// A test file is a program (tap's) that succeeds by exit code 0; Node's runner starts them, several at once, and measures what they cover: each in a process of its
// own, except those that a neighbour can't disturb (together.ts). tap's own runner does the same for half a second of processor time more per file.
//
//     npm test                              all files; with CI=true or --coverage also what they cover, with its thresholds: a fifth more time
//     npm test -- packages/config x.test.ts files below a folder, and single ones; without coverage
//     npm test -- --jobs=1                  so many at once; default: cores + 1, since many wait for sockets and child processes
//
// Exit code: 0, or 1 when a file failed or too little is covered; 128 + the number of the signal that ended it or came before it began; 1 when PostgreSQL couldn't
// be started.
import { spawn, type ChildProcess } from 'node:child_process'
import { statSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { availableParallelism, constants } from 'node:os'
import path from 'node:path'
import { startTemporaryPostgres } from '../temporary-postgres.ts'
import { DATABASE_URL_VARIABLE, readTestEnvironment } from '../test-environment.ts'
import { runTogether } from './together.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Time that the test files get to end after a signal, in milliseconds; then the runner is killed. */
const SIGNAL_TIMEOUT_MS = 20_000
/** A file that hangs says so after the first, by tap, and is ended after the second, in milliseconds. */
const TAP_TIMEOUT_MS = 120_000
const FILE_TIMEOUT_MS = 180_000
const TEST_FILES = '{apps,packages,bench,deploy}/**/test/**/*.test.ts'
const COVERAGE = [
  '--experimental-test-coverage',
  '--test-coverage-include={apps,packages,deploy}/*/src/**',
  '--test-coverage-include=bench/{src,drills/src}/**',
  '--test-coverage-lines=85',
  '--test-coverage-branches=80',
  '--test-coverage-functions=80',
]

/**
 * Whatever a test file starts doesn't report what it covers: it takes time, somebody else may not write there, and it's covered by the tests of what it's made
 * of. Node hands this variable on even to children with an environment of their own.
 */
const CHILDREN_UNCOVERED = 'data:text/javascript,delete process.env.NODE_V8_COVERAGE'
/** Compiled code and stripped types, shared by all processes of this and later runs: a fifth to a half of what starting a program takes. */
const COMPILE_CACHE = path.resolve(import.meta.dirname, '../../../../node_modules/.cache/plimsoll-tests')

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
      // Ctrl-C reaches the whole foreground group, the runner included; a second SIGINT would make it end without a report.
      if (!(signal === 'SIGINT' && process.stdin.isTTY)) child?.kill(signal)
      timer ??= setTimeout(() => child?.kill('SIGKILL'), SIGNAL_TIMEOUT_MS).unref()
    })
  }
  try {
    const options = await runnerOptions(args)
    const given = readTestEnvironment().databaseUrl
    const server = given === undefined ? await startTemporaryPostgres({ signal: stopping.signal }) : undefined
    try {
      stopping.signal.throwIfAborted()
      child = spawn(process.execPath, options, {
        stdio: 'inherit',
        // Inside of a test file of another run it would start nothing.
        env: {
          ...process.env,
          NODE_COMPILE_CACHE: COMPILE_CACHE,
          TAP_TIMEOUT: String(TAP_TIMEOUT_MS / 1000),
          NODE_TEST_CONTEXT: undefined,
          [DATABASE_URL_VARIABLE]: given ?? server?.adminUrl,
        },
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

/** @throws Error for a word that isn't understood, and when there's nothing to run */
async function runnerOptions(args: readonly string[]): Promise<string[]> {
  const words = args.filter(arg => !arg.startsWith('-'))
  let jobs = availableParallelism() + 1
  let covered = process.env['CI'] === 'true'
  for (const option of args.filter(arg => arg.startsWith('-'))) {
    const match = /^--jobs=([1-9]\d{0,2})$/.exec(option)
    if (match !== null) jobs = Number(match[1])
    else if (option === '--coverage') covered = true
    else throw new Error(`"${option}" is not understood: files, folders, --coverage, or --jobs=N.`)
  }
  const files = words.length === 0 ? await testFiles(TEST_FILES) : (await Promise.all(words.map(filesOf))).flat()
  const single = words.length > 0 && words.every(word => word.endsWith('.ts') || word.endsWith('.mjs'))
  if (files.length === 0) throw new Error(`There is no test file in ${words.join(', ') || process.cwd()}.`)
  return [
    `--import=${CHILDREN_UNCOVERED}`,
    '--test',
    `--test-concurrency=${jobs}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    `--test-reporter=${path.join(import.meta.dirname, `file-report${path.extname(import.meta.filename)}`)}`,
    // The thresholds are for the whole: a part of the tests doesn't load all of the code.
    ...(covered && words.length === 0 ? COVERAGE : []),
    ...(single ? files : runTogether(files, path.join(COMPILE_CACHE, 'together'), process.cwd())),
  ]
}

async function filesOf(word: string): Promise<string[]> {
  const stat = statSync(word, { throwIfNoEntry: false })
  if (stat === undefined) throw new Error(`There is no file or folder ${word}.`)
  return stat.isDirectory() ? testFiles(path.join(word, '**/*.test.ts')) : [word]
}

async function testFiles(pattern: string): Promise<string[]> {
  const found = await Array.fromAsync(glob(pattern, { exclude: name => name.split(path.sep).includes('node_modules') }))
  return found.toSorted()
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']))
  })
}
