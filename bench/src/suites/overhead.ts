// What watching its memory and reporting its load cost a worker of the API: CPU time per request with everything on, and with everything off.
//
// Two processes that run the same code differ by a percent or two (addresses, the compiler's choices), which is as much as what's looked for. So each round starts
// fresh processes: one of each kind, and two with everything off, whose ratio to each other shows what means nothing. Within a round they take turns every
// quarter of a second under the same load, and the median of the rounds' ratios is what's told.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { startTemporaryPostgres } from '@plimsoll/testing'
import { judge, pairedRatio, renderRatio } from '../paired.ts'
import { askOnce, createAsker, type Asker } from '../overhead/asker.ts'
import { threadTimeUs } from '../overhead/thread-time.ts'
import { drawProductionSecrets } from '../production-secrets.ts'
import { type Program, startProgram } from '../program.ts'
import { number, renderTable } from '../report.ts'
import { median } from '../statistics.ts'
import type { BenchIo, Suite } from '../suite.ts'

const OFF = { MEMORY_OPTIMIZER: 'false', API_LOAD_REPORT: 'false' }
const VARIANTS = [
  { name: 'off', env: OFF },
  { name: 'off, the same again', env: OFF },
  { name: 'memory watched', env: { ...OFF, MEMORY_OPTIMIZER: 'true' } },
  { name: 'load reported', env: { ...OFF, API_LOAD_REPORT: 'true' } },
  { name: 'both', env: { MEMORY_OPTIMIZER: 'true', API_LOAD_REPORT: 'true' } },
] as const
const REFERENCE = 0
const MEASURED = 4
const TARGETS = ['/health/live', '/api/courses?limit=20'] as const
const GOAL = 0.01
const CONNECTIONS = 8
const SLICE_MS = 250
const WARMUP_MS = 3000

export const suite: Suite = {
  name: 'overhead',
  summary: "CPU time per request of the API's worker with memory watching and load reports, and without",
  options: [
    '--rounds N  Fresh processes of each kind, one round after the other. Default: 12',
    '--slices N  Turns of each process per round and target. Default: 12',
  ].join('\n'),
  run,
}

interface Worker {
  readonly pid: number
  readonly socketPath: string
  readonly stop: () => Promise<void>
}

async function run(io: BenchIo): Promise<void> {
  const { values } = parseArgs({
    args: [...io.args],
    options: { rounds: { type: 'string', default: '12' }, slices: { type: 'string', default: '12' } },
  })
  const rounds = whole('--rounds', values.rounds)
  const slices = whole('--slices', values.slices)
  const postgres = await startTemporaryPostgres({ signal: io.signal })
  try {
    await runCommand(io, postgres.adminUrl, ['migrate'])
    await runCommand(io, postgres.adminUrl, ['seed', '--size', 'small'])
    const costs = TARGETS.map(() => VARIANTS.map(() => [] as number[]))
    for (let round = 0; round < rounds; round++) {
      io.write(`  round ${round + 1} of ${rounds}\n`)
      await measureRound(io, postgres.adminUrl, round, slices, costs)
    }
    for (const [i, target] of TARGETS.entries()) io.write(render(target, costs[i] ?? []))
    io.write(`\n${io.save({ rounds, slices, targets: TARGETS, variants: VARIANTS, cpuUsPerRequest: costs })}\n`)
  } finally {
    await postgres.stop()
  }
}

async function measureRound(
  io: BenchIo,
  url: string,
  round: number,
  slices: number,
  costs: readonly number[][][],
): Promise<void> {
  const workers: Worker[] = []
  const askers: Asker[] = []
  try {
    // Who's started and warmed up first changes too.
    const order = VARIANTS.map((_, i) => (i + round) % VARIANTS.length)
    for (const i of order) workers.push(await startWorker(io, url, i, VARIANTS[i]?.env ?? OFF))
    for (const [t, target] of TARGETS.entries()) {
      const turns: { worker: Worker; asker: Asker; cpuUs: number; answers: number }[] = []
      for (const worker of workers) {
        const expected = await askOnce(worker.socketPath, target)
        const asker = createAsker(worker.socketPath, target, expected, CONNECTIONS)
        askers.push(asker)
        await asker.ask(WARMUP_MS)
        turns.push({ worker, asker, cpuUs: 0, answers: 0 })
      }
      for (let slice = 0; slice < slices; slice++) {
        // Who begins changes, so that nobody always comes behind the same neighbour.
        for (let i = 0; i < turns.length; i++) {
          io.signal.throwIfAborted()
          const turn = turns[(slice + i) % turns.length]
          if (turn === undefined) continue
          const before = threadTimeUs(turn.worker.pid)
          turn.answers += await turn.asker.ask(SLICE_MS)
          turn.cpuUs += threadTimeUs(turn.worker.pid) - before
        }
      }
      for (const [at, { cpuUs, answers }] of turns.entries()) costs[t]?.[order[at] ?? 0]?.push(cpuUs / answers)
    }
  } finally {
    for (const asker of askers) asker.close()
    await Promise.all(workers.map(worker => worker.stop()))
  }
}

async function startWorker(
  io: BenchIo,
  url: string,
  number: number,
  env: Readonly<Record<string, string>>,
): Promise<Worker> {
  const socketPath = path.join(io.temporary, `${number}.sock`)
  const program: Program<true> = await startProgram({
    name: `worker ${number}`,
    command: [io.nodePath, path.join(io.checkout, 'apps/api/src/worker/main.ts')],
    env: {
      ...io.env,
      NODE_ENV: 'production',
      ...drawProductionSecrets().env,
      DATABASE_URL: url,
      API_LISTEN: `unix:${socketPath}`,
      CACHE_FOLDER: path.join(io.temporary, `cache-${number}`),
      ...env,
    },
    ready: from => ('line' in from && from.line.includes('"msg":"listening"') ? true : undefined),
    signal: io.signal,
  })
  return { pid: program.pid, socketPath, stop: () => program.stop() }
}

async function runCommand(io: BenchIo, url: string, words: readonly string[]): Promise<void> {
  const file = path.join(io.checkout, 'apps/api/src/database/main.ts')
  const env = { ...io.env, DATABASE_URL: url, CACHE_L2: 'false' }
  await promisify(execFile)(io.nodePath, [file, ...words], { env, signal: io.signal })
}

function render(target: string, costs: readonly (readonly number[])[]): string {
  const rows = VARIANTS.map(({ name }, variant) => {
    const samples = costs[variant] ?? []
    return { name, medianUs: median(samples), ratio: pairedRatio(samples, costs[REFERENCE] ?? []) }
  })
  const table = renderTable<(typeof rows)[number]>(
    [
      { heading: 'memory and reports', align: 'left', cell: row => row.name },
      { heading: 'CPU µs per request', align: 'right', cell: row => number(row.medianUs, 1) },
      { heading: 'ratio', align: 'right', cell: row => renderRatio(row.ratio, 3) },
    ],
    rows,
  )
  const on = rows[MEASURED]?.ratio ?? { median: Number.NaN, low: Number.NaN, high: Number.NaN }
  const cost = number((on.median - 1) * 100, 1)
  return `\nGET ${target}\n${table}  it costs ${cost} %; goal ≤ ${GOAL * 100} %: ${judge(on, { atMost: 1 + GOAL })}\n`
}

function whole(flag: string, text: string): number {
  const value = Number(text)
  if (!(Number.isInteger(value) && value > 0))
    throw new Error(`${flag} has to be a whole number above 0, not "${text}"`)
  return value
}
