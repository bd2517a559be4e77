// Many callers of one process ask a cache for one missing key at once. A program of its own, started over IPC with its task as its argument; it ends with whoever
// started it.
import { setTimeout as pause } from 'node:timers/promises'
import { LOADING_CACHES, type OpenCache, SHARED_CACHES } from './caches.ts'
import { itemOf } from './items.ts'
import type { StampedeAnswer, StampedeOrder, StampedeResult, StampedeTask } from './stampede-protocol.ts'

const ENTRIES = 1_000
const TTL_MS = 300_000

const task = JSON.parse(process.argv[2] ?? '{}') as StampedeTask
let loads = 0

async function open(): Promise<OpenCache> {
  const found = [...LOADING_CACHES, ...SHARED_CACHES].find(cache => cache.name === task.name)
  if (found === undefined) throw new Error(`there is no cache "${task.name}"`)
  const load = async (key: string) => {
    loads++
    await pause(task.loadMs)
    return itemOf(key)
  }
  return found.open({ entries: ENTRIES, ttlMs: TTL_MS, load, folder: task.folder })
}

/** @throws Error when somebody got a wrong answer */
async function carryOut(cache: OpenCache, { key, callers }: StampedeOrder): Promise<StampedeResult> {
  const loadsBefore = loads
  const startedAtMs = performance.now()
  const cpuBefore = process.cpuUsage()
  const items = await Promise.all(Array.from({ length: callers }, () => cache.get(key)))
  const { user, system } = process.cpuUsage(cpuBefore)
  const answeredMs = performance.now() - startedAtMs
  const { id } = itemOf(key)
  const wrong = items.find(item => item?.id !== id)
  if (items.length !== callers || wrong !== undefined)
    throw new Error(`${key} was asked for, and an answer was ${JSON.stringify(wrong)}`)
  return { loads: loads - loadsBefore, answeredMs, cpuMs: (user + system) / 1000 }
}

function say(answer: StampedeAnswer): void {
  process.send?.(answer)
}

process.once('disconnect', () => process.exit(0))
// When it can't be opened, whoever started this sees the error and the exit code.
const cache = await open()
process.on('message', (order: StampedeOrder) => {
  void carryOut(cache, order).then(
    result => say({ kind: 'done', result }),
    (error: unknown) => say({ kind: 'failed', reason: (error as Error).message }),
  )
})
say({ kind: 'ready' })
