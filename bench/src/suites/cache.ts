// The cache beside others of its kind: what hits cost, who loads once, what a size is worth, what the shared tiers take.
import { parseArgs } from 'node:util'
import { hitRatio } from '../cache/hit-ratio.ts'
import { hits } from '../cache/hits.ts'
import type { Effort, Part } from '../cache/part.ts'
import { withSharedFolder } from '../cache/shared-folder.ts'
import { stampede } from '../cache/stampede.ts'
import { tiers } from '../cache/tiers.ts'
import type { BenchIo, Suite } from '../suite.ts'

const PARTS: readonly Part[] = [hits, stampede, hitRatio, tiers]
const WIDTH = Math.max(...PARTS.map(part => part.name.length))
const ROUNDS = 25

export const suite: Suite = {
  name: 'cache',
  summary: 'the cache beside lru-cache, bentocache, cacheable and others: hits, stampedes, hit ratios, tiers',
  options: [
    '--only PARTS  Parts, comma-separated. Default: all',
    ...PARTS.map(part => `              ${part.name.padEnd(WIDTH)}  ${part.summary}`),
    `--rounds N    Interleaved rounds; at most 10 of stampede. Default: ${ROUNDS}`,
    '--quick       Short and few rounds: shows that it works, not how fast it is',
  ].join('\n'),
  run,
}

async function run(io: BenchIo): Promise<void> {
  const { parts, effort } = readSettings(io.args)
  const figures: Record<string, object> = {}
  await withSharedFolder(io.temporary, async sharedFolder => {
    for (const part of parts) figures[part.name] = await part.run({ io, effort, sharedFolder })
  })
  io.write(`\n${io.save({ effort, parts: figures })}\n`)
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
