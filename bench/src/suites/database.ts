// The database optimizer beside plain postgres.js and DataLoader: statements, latency, throughput, and what its watching costs.
import { parseArgs } from 'node:util'
import { behindSlow } from '../database/behind-slow.ts'
import { Client } from '../database/client.ts'
import { instrumentation } from '../database/instrumentation.ts'
import { keyedReads } from '../database/keyed-reads.ts'
import type { Effort, Part } from '../database/part.ts'
import { throughput } from '../database/throughput.ts'
import { moveToCore, planCores, UNPINNED, usableCores } from '../pinning.ts'
import type { BenchIo, Suite } from '../suite.ts'

const PARTS: readonly Part[] = [keyedReads, behindSlow, throughput, instrumentation]
const WIDTH = Math.max(...PARTS.map(part => part.name.length))
const ROUNDS = 25

export const suite: Suite = {
  name: 'database',
  summary: 'db-optimizer beside plain postgres.js and DataLoader: statements, latency, CPU per read',
  options: [
    '--only PARTS  Parts, comma-separated. Default: all',
    ...PARTS.map(part => `              ${part.name.padEnd(WIDTH)}  ${part.summary}`),
    `--rounds N    Interleaved rounds of throughput and instrumentation; a tenth of it for the rest. Default: ${ROUNDS}`,
    '--quick       Short and few rounds: shows that it works, not how fast it is',
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const { parts, effort } = readSettings(io.args)
  // Loaded here, so that listing the suites takes no time.
  const { DatabaseServer } = await import('../database/server.ts')
  const cores = planCores(usableCores())
  if (cores === UNPINNED)
    io.write('*** NOT PINNED: it takes Linux, taskset and two cores; the server disturbs what is measured\n')
  else io.write(`the client that is measured on core ${cores.proxy}; the server and the rest on ${cores.generator}\n`)
  const server = await DatabaseServer.start(io, cores.generator)
  try {
    // The suite itself does little while it measures, and that little not on the client's core.
    moveToCore(cores.generator, process.pid)
    const startClient = (): Promise<Client> => Client.start(io, cores.proxy, server.clientEnv)
    const figures: Record<string, object> = {}
    for (const part of parts) figures[part.name] = await part.run({ io, server, cores, effort, startClient })
    io.write(`\n${io.save({ cores, effort, postgres: server.version, parts: figures })}\n`)
  } finally {
    await server.stop()
  }
}

function readSettings(args: readonly string[]): { readonly parts: readonly Part[]; readonly effort: Effort } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string', default: String(ROUNDS) },
    },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds has to be a whole number above 0, not "${values.rounds}"`)
  const parts = values.only?.split(',').map(name => {
    const found = PARTS.find(part => part.name === name)
    if (found) return found
    throw new Error(`--only: there is no part "${name}"; there are: ${PARTS.map(part => part.name).join(', ')}`)
  })
  return { parts: parts ?? PARTS, effort: { quick: values.quick, rounds } }
}
