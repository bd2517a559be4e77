// `npm run bench [-- SUITE]`: lists the suites, or runs one.
//
// Exit codes: 0 measured, 1 not: no such suite, a program that didn't start, a wrong answer, Ctrl-C.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findSuite, readSuites, renderHelp, renderList } from './catalogue.ts'
import { describeMachine, machineFacts } from './machine.ts'
import { saveJson } from './report.ts'
import type { Suite } from './suite.ts'

const checkout = path.resolve(import.meta.dirname, '../..')

async function run(): Promise<void> {
  const [name, ...args] = process.argv.slice(2)
  const suites = await readSuites(path.join(import.meta.dirname, 'suites'))
  if (name === undefined || name === '--help') {
    process.stdout.write(renderList(suites))
    return
  }
  const suite = findSuite(suites, name)
  if (args.includes('--help')) {
    process.stdout.write(renderHelp(suite))
    return
  }
  await measure(suite, args)
}

async function measure(suite: Suite, args: readonly string[]): Promise<void> {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`${signal}: nothing was measured`)))
  }
  const machine = machineFacts(checkout)
  process.stdout.write(`${suite.name}: ${suite.summary}\n${describeMachine(machine)}\n\n`)
  const temporary = mkdtempSync(path.join(tmpdir(), 'plimsoll-bench-'))
  // PostgreSQL and nginx don't run as root: whom they run as has to get in.
  chmodSync(temporary, 0o755)
  try {
    await suite.run({
      args,
      checkout,
      nodePath: process.execPath,
      env: process.env,
      temporary,
      signal: interrupted.signal,
      write: text => process.stdout.write(text),
      save: figures => {
        const content = { suite: suite.name, at: new Date().toISOString(), args, machine, ...figures }
        return saveJson(path.join(checkout, 'bench/results'), suite.name, new Date(), content)
      },
    })
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

run().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${(error as Error).message}\n`)
    process.exit(1)
  },
)
