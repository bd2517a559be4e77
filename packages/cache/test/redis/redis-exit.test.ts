// A process that has nothing else to do ends, though nobody has closed its connections.
import path from 'node:path'
import t from 'tap'
import { rawServer, requireProgram, spawnProgram } from '@plimsoll/testing'
import { startRedisServer } from './fixture/redis-server.ts'

await t.test('keeps no process alive, whatever the server does', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file)
  const silent = await rawServer(t)
  const program = path.join(import.meta.dirname, 'fixture', 'uses-redis.ts')
  const ends = async (what: string, options: object, printed: string): Promise<void> => {
    const user = await spawnProgram(t, ['node', program, JSON.stringify(options)])
    t.match(await user.exited, { code: 0, signal: null }, what)
    t.equal(user.stdout, `${printed}\n`, what)
    t.equal(user.stderr, '', what)
  }
  await Promise.all([
    ends('alive', { socketPath: server.socketPath, connectTimeoutMs: 10_000 }, 'value'),
    ends('dead', { socketPath: `${server.socketPath}.none` }, 'nothing'),
    ends('silent', { port: silent.port, connectTimeoutMs: 200 }, 'nothing'),
  ])
})
