// The command line of the drill.
import { parseArgs } from 'node:util'
import { choosePhases, type DrillPlan, FULL_PLAN, SHORT_PLAN } from './phases.ts'
import { OURS, PROXIES, type Proxy } from './proxies.ts'

export interface DrillOptions {
  readonly help: boolean
  readonly plan: DrillPlan
  readonly proxies: readonly Proxy[]
  /** 0 to 2^32 - 1. */
  readonly seed: number
  /** Where the figures go; null for nowhere. */
  readonly jsonFile: string | null
  /** The program file of our balancer; null for the one of this tree. */
  readonly balancer: string | null
}

export const DEFAULT_SEED = 1
const MAX_SEED = 0xff_ff_ff_ff

export const HELP = `npm run drill -- [options]
npm run drill -- recycle [options]    leaking workers are replaced under load; has a --help of its own

Drives a proxy with three upstreams through faults at ${FULL_PLAN.requestsPerSecond} requests/s, and counts what its clients notice. About two minutes.

  --proxy NAME       Who is drilled: ${PROXIES.map(proxy => proxy.name).join(', ')}. Default: ${OURS}
  --compare          All of them in turn, side by side. Those that aren't installed are left out
  --short            Half a minute: faults are too brief to be noticed, so only what must never happen is judged
  --only PHASES      Comma-separated: ${FULL_PLAN.phases.map(phase => phase.name).join(', ')}
  --seed N           Of the times and methods of the requests, 0 to ${MAX_SEED}. Default: ${DEFAULT_SEED}
  --json FILE        Writes the figures there
  --balancer FILE    Program file of our balancer. Default: the one of this tree
  --help             Shows this text

Exit code: 0 if every figure of ${OURS} is met, else 1. Others have promised nothing, and are only shown.
`

/** @throws Error that says what is allowed */
export function readOptions(args: readonly string[]): DrillOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      proxy: { type: 'string' },
      compare: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
      only: { type: 'string' },
      seed: { type: 'string', default: String(DEFAULT_SEED) },
      json: { type: 'string' },
      balancer: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.compare && values.proxy !== undefined) throw new Error('--compare drills all: leave out --proxy')
  const plan = values.short ? SHORT_PLAN : FULL_PLAN
  return {
    help: values.help,
    plan: values.only === undefined ? plan : choosePhases(plan, values.only.split(',')),
    proxies: values.compare ? PROXIES : [findProxy(values.proxy ?? OURS)],
    seed: readSeed(values.seed),
    jsonFile: values.json ?? null,
    balancer: values.balancer ?? null,
  }
}

function findProxy(name: string): Proxy {
  const found = PROXIES.find(proxy => proxy.name === name)
  if (found) return found
  throw new Error(`--proxy: there is no "${name}"; there are: ${PROXIES.map(proxy => proxy.name).join(', ')}`)
}

/** @throws Error that says what is allowed */
export function readSeed(text: string): number {
  const seed = Number(text)
  if (/^\d+$/.test(text) && seed <= MAX_SEED) return seed
  throw new Error(`--seed has to be a whole number from 0 to ${MAX_SEED}, not "${text}"`)
}
