// `npm run drill`: drives a proxy through faults and says what its clients noticed; with the word "recycle" it's our service whose workers are replaced.
//
// Exit codes: 0 every figure is met; 1 one isn't, or the drill couldn't be made: a bad option, a program that didn't start, Ctrl-C.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeMachine, type MachineFacts, machineFacts } from '../../src/machine.ts'
import { type DrillIo, type DrillResult, isFailed, runDrill } from './drill.ts'
import { renderComparison, renderDrill } from './drill-report.ts'
import { HELP, readOptions } from './options.ts'
import { runRecycleDrill } from './recycle/recycle-drill.ts'
import { readRecycleOptions, RECYCLE_HELP } from './recycle/recycle-options.ts'
import { renderRecycleDrill } from './recycle/recycle-report.ts'

const checkout = path.resolve(import.meta.dirname, '../../..')
const write = (text: string) => void process.stdout.write(text)

async function run(signal: AbortSignal): Promise<number> {
  const [first, ...rest] = process.argv.slice(2)
  return first === 'recycle' ? recycle(rest, signal) : drillProxies(process.argv.slice(2), signal)
}

async function drillProxies(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = readOptions(args)
  if (options.help) {
    write(HELP)
    return 0
  }
  const { plan, seed } = options
  const machine = introduceMachine()
  const results: DrillResult[] = []
  await withDrillIo(signal, async io => {
    for (const proxy of options.proxies) {
      const found = proxy.find(process.env)
      if ('missing' in found) {
        write(`*** LEFT OUT, ${proxy.name}: ${found.missing}\n`)
        continue
      }
      write(`\n${proxy.name} ${found.version}: ${plan.phases.length} phases\n`)
      const balancer = balancerFile(options.balancer)
      const result = await runDrill(io, { proxy, version: found.version, plan, seed, balancer })
      results.push(result)
      write(renderDrill(result))
    }
  })
  if (results.length > 1) write(renderComparison(results))
  save(options.jsonFile, { drill: plan.name, at: new Date().toISOString(), machine, results })
  // To be told to drill one that isn't there, and to do nothing, is no success.
  return results.length === 0 || results.some(isFailed) ? 1 : 0
}

async function recycle(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = readRecycleOptions(args)
  if (options.help) {
    write(RECYCLE_HELP)
    return 0
  }
  const { plan, seed, mistakes } = options
  const machine = introduceMachine()
  const balancer = balancerFile(options.balancer)
  const result = await withDrillIo(signal, io => runRecycleDrill(io, { plan, seed, balancer, mistakes }))
  write(renderRecycleDrill(result))
  save(options.jsonFile, { drill: 'recycle', at: new Date().toISOString(), machine, mistakes, result })
  return result.misses.length > 0 ? 1 : 0
}

function introduceMachine(): MachineFacts {
  const machine = machineFacts(checkout)
  write(`${describeMachine(machine)}\n`)
  return machine
}

function balancerFile(chosen: string | null): string {
  return path.resolve(chosen ?? path.join(checkout, 'apps/balancer/src/main.ts'))
}

/** What a drill is given; its folder is removed behind it. */
async function withDrillIo<T>(signal: AbortSignal, drill: (io: DrillIo) => Promise<T>): Promise<T> {
  const temporary = mkdtempSync(path.join(tmpdir(), 'plimsoll-drill-'))
  // nginx doesn't run as root: whom it runs as has to get in.
  chmodSync(temporary, 0o755)
  try {
    return await drill({ nodePath: process.execPath, env: process.env, temporary, signal, write })
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

function save(file: string | null, content: object): void {
  if (file === null) return
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
  write(`\n${file}\n`)
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
