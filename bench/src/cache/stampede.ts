// Everybody asks for the same missing key at once: how often is it loaded, and how long does it take until all have it?
import path from 'node:path'
import { number, renderTable } from '../report.ts'
import { median } from '../statistics.ts'
import { BOUNDED, LOADING_CACHES, MACHINE, SHARED_CACHES, STRICT, STRICT_SHARED } from './caches.ts'
import { keyOf } from './items.ts'
import type { Part, PartTools } from './part.ts'
import { StampedeCrowd } from './stampede-crowd.ts'
import type { StampedeResult } from './stampede-protocol.ts'

const CALLERS = 10_000
/** As long as a statement takes. */
const LOAD_MS = 20

/** Who takes part, and what's promised. */
interface Scene {
  readonly name: string
  readonly processes: number
  /** Loads of all processes together; undefined: nothing is promised, and the count is what's found. */
  readonly promisedLoads: number | undefined
}

const PROCESSES = 4

// What isn't shared loads once per process. Of those one is enough, to compare with.
const SCENES: readonly Scene[] = [
  ...LOADING_CACHES.map(({ name }) => ({
    name,
    processes: 1,
    promisedLoads: name === BOUNDED || name === STRICT || name === STRICT_SHARED ? 1 : undefined,
  })),
  { name: BOUNDED, processes: PROCESSES, promisedLoads: PROCESSES },
  ...SHARED_CACHES.flatMap(({ name }) =>
    [1, PROCESSES].map(processes => ({ name, processes, promisedLoads: name === MACHINE ? 1 : undefined })),
  ),
]

interface Row {
  readonly scene: Scene
  /** Of all processes together, the most of any round. */
  readonly loads: number
  /** Until the slowest process's callers have their answers, without the load; one per round. */
  readonly extraMs: readonly number[]
  /** Of all processes together; one per round. */
  readonly cpuMs: readonly number[]
}

export const stampede: Part = {
  name: 'stampede',
  summary: `${number(CALLERS)} callers of one missing key at once: loads, and time until all are answered`,
  run,
}

async function run(tools: PartTools): Promise<object> {
  const rounds = tools.effort.quick ? 2 : Math.max(2, Math.min(10, tools.effort.rounds))
  tools.io.write(
    `\nstampede: ${number(CALLERS)} callers at once, a load takes ${LOAD_MS} ms; medians of ${rounds} rounds\n\n`,
  )
  const rows: Row[] = []
  for (const [index, scene] of SCENES.entries()) {
    rows.push(await play(tools, scene, rounds, path.join(tools.sharedFolder, `stampede-${index}`)))
  }
  tools.io.write(render(rows))
  return { callers: CALLERS, loadMs: LOAD_MS, rows }
}

/** @throws Error when an answer was wrong, or more was loaded than is promised */
async function play({ io }: PartTools, scene: Scene, rounds: number, folder: string): Promise<Row> {
  const crowd = await StampedeCrowd.start(io, { name: scene.name, loadMs: LOAD_MS, folder }, scene.processes)
  try {
    const results: StampedeResult[][] = []
    const callers = CALLERS / scene.processes
    // The first one is for the compiler.
    for (let round = 0; round <= rounds; round++) results.push(await crowd.run({ key: keyOf(round), callers }))
    const total = (round: readonly StampedeResult[], of: (result: StampedeResult) => number) =>
      round.reduce((sum, result) => sum + of(result), 0)
    const loads = Math.max(...results.map(round => total(round, one => one.loads)))
    if (scene.promisedLoads !== undefined && loads > scene.promisedLoads)
      throw new Error(`${scene.name}: ${loads} loads of one key; ${scene.promisedLoads} promised`)
    const measured = results.slice(1)
    return {
      scene,
      loads,
      extraMs: measured.map(round => Math.max(...round.map(one => one.answeredMs)) - LOAD_MS),
      cpuMs: measured.map(round => total(round, one => one.cpuMs)),
    }
  } finally {
    await crowd.stop()
  }
}

function render(rows: readonly Row[]): string {
  return renderTable<Row>(
    [
      { heading: '', align: 'left', cell: row => row.scene.name },
      { heading: 'processes', align: 'right', cell: row => number(row.scene.processes) },
      { heading: 'loads', align: 'right', cell: row => number(row.loads) },
      { heading: 'ms beside the load', align: 'right', cell: row => number(median(row.extraMs), 1) },
      { heading: 'CPU ms', align: 'right', cell: row => number(median(row.cpuMs), 1) },
    ],
    rows,
  )
}
