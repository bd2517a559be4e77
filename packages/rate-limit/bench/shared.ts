// Time of a decision in the shared stores. Run: node packages/rate-limit/bench/shared.ts [rounds]
//
// This process's CPU time, system included, and the time by the clock, which says more of the machine's other work the more there is; least of interleaved rounds. Two
// rules a decision. Redis is one of its own on a Unix socket, if there's a redis-server: 1 at a time is what one request waits, 50 at a time what a worker gets through.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { createMemoryStore } from '../src/index.ts'
import { createMachineStore } from '../src/machine/index.ts'
import { createRedisStore } from '../src/redis/index.ts'

const DECISIONS = 2000
const RULES = [
  { name: 'account', limit: 50, windowMs: 900_000 },
  { name: 'address', limit: 60, windowMs: 900_000 },
]
const REFUSING = [
  { name: 'few', limit: 5, windowMs: 900_000 },
  { name: 'more', limit: 20, windowMs: 900_000 },
]

/** The other process of "beside another process that does nothing else". */
if (process.argv[2] === 'beside') {
  const store = createMachineStore({ rules: RULES, folder: process.argv[3] ?? '' })
  process.send?.('ready')
  for (let i = 0; ; i++) {
    const key = `other ${i % 1000}`
    store.giveBack(key, '', store.take(key).atMs)
    // The parent's end is noticed.
    if (i % 1000 === 0) await new Promise(resolve => setImmediate(resolve))
    if (!process.connected) process.exit()
  }
}

const rounds = Number(process.argv[2] ?? 7)
const memory = process.platform === 'linux' ? '/dev/shm' : tmpdir()
const folder = mkdtempSync(join(memory, 'plimsoll-limits-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const rows: { name: string; times: number[]; cpu: number[]; once: (count: number) => Promise<void> }[] = []
const add = (name: string, once: (count: number) => Promise<void>): void =>
  void rows.push({ name, times: [], cpu: [], once })
const machine = createMachineStore({ rules: RULES, folder: join(folder, 'a') })
const refusing = createMachineStore({ rules: REFUSING, folder: join(folder, 'a') })
const keys = Array.from({ length: 1000 }, (_, i) => `key ${i}`)
const each = (act: (key: string) => unknown) => async (count: number) => {
  for (let i = 0; i < count; i++) act(keys[i % keys.length] as string)
}
add(
  'machine: admitted, 1000 keys',
  each(key => machine.take(key)),
)
add(
  'machine: refused',
  each(() => refusing.take('one')),
)
add(
  'machine: take and give back',
  each(key => machine.giveBack(key, '', machine.take(key).atMs)),
)

const shared = createMachineStore({ rules: RULES, folder: join(folder, 'b') })
const other = fork(import.meta.filename, ['beside', join(folder, 'b')], {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
})
await once(other, 'message')
add(
  'machine: beside a process that does nothing else',
  each(key => shared.take(key)),
)

const socketPath = join(folder, 'redis.sock')
const server = spawn('redis-server', ['--port', '0', '--unixsocket', socketPath, '--save', '', '--dir', folder])
const up = await Promise.race([once(server.stdout, 'data').then(() => true), once(server, 'error').then(() => false)])
const client = createClient({ socket: { path: socketPath, tls: false } })
client.on('error', () => undefined)
if (up) {
  await client.connect()
  const redis = { send: (args: string[]) => client.sendCommand(args) }
  const store = createRedisStore({
    rules: RULES,
    redis,
    fallback: createMemoryStore({ rules: RULES }),
    timeoutMs: 5000,
  })
  const atOnce = (parallel: number) => async (count: number) => {
    for (let i = 0; i < count; i += parallel)
      await Promise.all(keys.slice(i % 950, (i % 950) + parallel).map(key => store.take(key)))
  }
  add('Redis: 1 at a time', atOnce(1))
  add('Redis: 50 at a time', atOnce(50))
  add('Redis: PING of the same client, 1 at a time', async count => {
    for (let i = 0; i < count; i++) await redis.send(['PING'])
  })
}
for (let round = 0; round < rounds; round++) {
  for (const { once, times, cpu } of rows) {
    const startMs = performance.now()
    const before = process.cpuUsage()
    await once(DECISIONS)
    const { user, system } = process.cpuUsage(before)
    cpu.push((user + system) / DECISIONS)
    times.push(((performance.now() - startMs) * 1000) / DECISIONS)
  }
}
const least = (list: readonly number[]): string =>
  Math.min(...list)
    .toFixed(1)
    .padStart(7)
const lines = rows.map(({ name, times, cpu }) => `${name.padEnd(50)} µs: CPU ${least(cpu)}   clock ${least(times)}`)
process.stdout.write(`Node ${process.version}, ${rounds} rounds of ${DECISIONS}\n${lines.join('\n')}\n`)
other.kill()
server.kill()
client.destroy()
