// A Redis of the suite's own, on a Unix socket, without durability: what the way to it costs is measured, not its disk.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { findProgram } from '@plimsoll/testing'
import { startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'

export interface RedisServer {
  readonly socketPath: string
  readonly stop: () => Promise<void>
}

/** Undefined when it isn't installed, after a loud line. @throws Error when it doesn't start */
export async function startRedis(io: BenchIo): Promise<RedisServer | undefined> {
  const file = findProgram('redis-server', io.env['PATH'] ?? '')
  if (file === undefined) {
    io.write("*** redis-server isn't installed: its tier is left out\n")
    return undefined
  }
  const folder = path.join(io.temporary, 'redis')
  mkdirSync(folder, { recursive: true })
  const socketPath = path.join(folder, 'socket')
  const settings = { port: '0', unixsocket: socketPath, save: '', appendonly: 'no', dir: folder, daemonize: 'no' }
  const { stop } = await startProgram({
    name: 'redis-server',
    command: [file, ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])],
    env: io.env,
    ready: said => ('line' in said && /ready to accept connections/i.test(said.line) ? (true as const) : undefined),
    signal: io.signal,
  })
  return { socketPath, stop }
}
