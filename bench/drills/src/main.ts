// `npm run drill`: drives a proxy through faults and says what its clients noticed.
//
// Exit codes: 0 every figure is met; 1 one isn't, or the drill couldn't be made: a bad option, a program that didn't start, Ctrl-C.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeMachine, machineFacts } from '../../src/machine.ts'
import { type DrillResult, isFailed, runDrill } from './drill.ts'
import { renderComparison, renderDrill } from './drill-report.ts'
import { HELP, readOptions } from './options.ts'

const checkout = path.resolve(import.meta.dirname, '../../..')

async function run(signal: AbortSignal): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  const write = (text: string) => void process.stdout.write(text)
  if (options.help) {
    write(HELP)
    return 0
  }
  const { plan, seed } = options
  const machine = machineFacts(checkout)
  write(`${describeMachine(machine)}\n`)
  const balancer = path.resolve(options.balancer ?? path.join(checkout, 'apps/balancer/src/main.ts'))
  const temporary = mkdtempSync(path.join(tmpdir(), 'plimsoll-drill-'))
  // nginx doesn't run as root: whom it runs as has to get in.
  chmodSync(temporary, 0o755)
  const results: DrillResult[] = []
  try {
    for (const proxy of options.proxies) {
      const found = proxy.find(process.env)
      if ('missing' in found) {
        write(`*** LEFT OUT, ${proxy.name}: ${found.missing}\n`)
        continue
      }
      write(`\n${proxy.name} ${found.version}: ${plan.phases.length} phases\n`)
      const io = { nodePath: process.execPath, env: process.env, temporary, signal, write }
      const result = await runDrill(io, { proxy, version: found.version, plan, seed, balancer })
      results.push(result)
      write(renderDrill(result))
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
  if (results.length > 1) write(renderComparison(results))
  if (options.jsonFile !== null) {
    const content = { drill: plan.name, at: new Date().toISOString(), machine, results }
    writeFileSync(options.jsonFile, `${JSON.stringify(content, null, 2)}\n`)
    write(`\n${options.jsonFile}\n`)
  }
  // To be told to drill one that isn't there, and to do nothing, is no success.
  return results.length === 0 || results.some(isFailed) ? 1 : 0
}

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`${signal}: the drill was ended`)))
}
// Whatever fails where, the programs are ended first.
process.on('uncaughtException', error => interrupted.abort(error))

run(interrupted.signal).then(
  code => process.exit(code),
  (error: unknown) => {
    const { cause, message } = error as Error
    process.stderr.write(`drill: ${cause instanceof Error ? cause.message : message}\n`)
    process.exit(1)
  },
)
