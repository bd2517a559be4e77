// The command line of the recycle drill.
import { parseArgs } from 'node:util'
import { DEFAULT_SEED, readSeed } from '../options.ts'
import { chooseRecyclePhases, FULL_RECYCLE_PLAN, QUICK_RECYCLE_PLAN, type RecyclePlan } from './recycle-plan.ts'
import { type Mistake, MISTAKES } from './service/service-protocol.ts'

export interface RecycleOptions {
  readonly help: boolean
  readonly plan: RecyclePlan
  /** 0 to 2^32 - 1. */
  readonly seed: number
  /** Where the figures go; null for nowhere. */
  readonly jsonFile: string | null
  /** The program file of our balancer; null for the one of this tree. */
  readonly balancer: string | null
  readonly mistakes: readonly Mistake[]
}

const { workers, requestsPerSecond, recycles, phaseMs } = FULL_RECYCLE_PLAN
const quick = QUICK_RECYCLE_PLAN

export const RECYCLE_HELP = `npm run drill -- recycle [options]

Workers of a service under our supervisor, our balancer before them, ${requestsPerSecond} requests/s. Workers leak until they ask to be replaced;
then SIGHUP replaces all, then one is killed. Nothing may fail, be lost or be done twice. One to two minutes.

  --quick            A quarter of a minute: ${quick.requestsPerSecond} requests/s, ${quick.recycles} replacements, shorter notice
  --recycles N       Replacements of leaking workers, at least. Default: ${recycles}
  --seconds N        A phase lasts at least this. Default: ${phaseMs / 1000}, quick ${quick.phaseMs / 1000}
  --rate N           Requests per second, 10 to 2000
  --workers N        2 to 16. Default: ${workers}
  --only PHASES      Comma-separated: ${FULL_RECYCLE_PLAN.phases.map(phase => phase.name).join(', ')}
  --seed N           Of the times and kinds of the requests. Default: ${DEFAULT_SEED}
  --json FILE        Writes the figures there
  --balancer FILE    Program file of our balancer. Default: the one of this tree
  --mistakes LIST    Makes the service careless, to see that it's found out: ${MISTAKES.join(', ')}
  --help             Shows this text

Exit code: 0 if nothing was lost, else 1.
`

/** `args` without the word "recycle". @throws Error that says what is allowed */
export function readRecycleOptions(args: readonly string[]): RecycleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      recycles: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string' },
      workers: { type: 'string' },
      only: { type: 'string' },
      seed: { type: 'string', default: String(DEFAULT_SEED) },
      json: { type: 'string' },
      balancer: { type: 'string' },
      mistakes: { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const form = values.quick ? QUICK_RECYCLE_PLAN : FULL_RECYCLE_PLAN
  const chosen = values.only === undefined ? form : chooseRecyclePhases(form, values.only.split(','))
  return {
    help: values.help,
    plan: {
      ...chosen,
      recycles: whole('--recycles', values.recycles, chosen.recycles, { min: 1, max: 1000 }),
      phaseMs: 1000 * number('--seconds', values.seconds, chosen.phaseMs / 1000, { min: 0, max: 3600 }),
      workers: whole('--workers', values.workers, chosen.workers, { min: 2, max: 16 }),
      requestsPerSecond: number('--rate', values.rate, chosen.requestsPerSecond, { min: 10, max: 2000 }),
    },
    seed: readSeed(values.seed),
    jsonFile: values.json ?? null,
    balancer: values.balancer ?? null,
    mistakes: values.mistakes === '' ? [] : values.mistakes.split(',').map(readMistake),
  }
}

interface Range {
  readonly min: number
  readonly max: number
}

function whole(flag: string, text: string | undefined, otherwise: number, range: Range): number {
  const value = number(flag, text, otherwise, range)
  if (Number.isInteger(value)) return value
  throw new Error(`${flag} has to be a whole number, not "${text}"`)
}

function number(flag: string, text: string | undefined, otherwise: number, { min, max }: Range): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max) return value
  throw new Error(`${flag} has to be a number from ${min} to ${max}, not "${text}"`)
}

function readMistake(text: string): Mistake {
  const found = MISTAKES.find(mistake => mistake === text)
  if (found) return found
  throw new Error(`--mistakes: there is no "${text}"; there are: ${MISTAKES.join(', ')}`)
}
