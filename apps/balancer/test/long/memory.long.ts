// 100 clients ask for 20 MB each and don't read them: the balancer's memory grows by less than 100 MB. Then all of them read, and get
// everything. Endpoint and clients are in this process, the balancer in one of its own, whose memory is looked at from outside.
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { spawnProgram, until } from '@plimsoll/testing'
import t from 'tap'
import { say } from './time-box.ts'

const CLIENTS = 100
const SIZE = 20_000_000
const MOST_MB = 100
t.setTimeout(0)

await t.test('clients that do not read their downloads', async t => {
  const body = Buffer.alloc(SIZE, 'x')
  let asked = 0
  const endpoint = createServer((_request, response) => {
    asked++
    response.writeHead(200, { 'content-length': SIZE })
    response.end(body)
  })
  await new Promise<void>(resolve => endpoint.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    endpoint.close()
    endpoint.closeAllConnections()
  })
  const program = await spawnProgram(t, [
    'node',
    new URL('../../src/main.ts', import.meta.url).pathname,
    '--listen=127.0.0.1:0',
    '--admin=127.0.0.1:0',
    `--upstream=http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`,
    '--limits.min-bytes-per-second=0',
    '--timeouts.answer-idle-ms=600000',
    '--shutdown.grace-ms=0',
    '--shutdown.drain-ms=0',
  ])
  const port = Number((JSON.parse(await program.line('"msg":"listening"')) as { listen: string }).listen.split(':')[1])
  const memory = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'))?.[1]) /
    1024
  // What the process takes once it has seen this traffic at all.
  await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200, { what: 'the endpoint to be up' })
  await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()
  const beforeMb = memory('VmRSS')
  asked = 0

  const sockets: Socket[] = []
  for (let i = 0; i < CLIENTS; i++) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    sockets.push(socket)
  }
  await until(() => asked === CLIENTS, { what: 'all downloads to begin', timeoutMs: 120_000, intervalMs: 100 })
  let last = -1
  await until(() => last === (last = Math.round(memory('VmRSS'))), {
    what: 'the memory to stand still',
    timeoutMs: 60_000,
    intervalMs: 1000,
  })
  const grownMb = memory('VmHWM') - beforeMb
  say(
    `${CLIENTS} clients, ${SIZE / 1e6} MB each, unread: ${beforeMb.toFixed(0)} MB before, at most ${grownMb.toFixed(0)} MB more`,
  )
  t.ok(grownMb < MOST_MB, `${grownMb.toFixed(1)} MB`)

  const got = await Promise.all(
    sockets.map(async socket => {
      let bytes = 0
      socket.on('data', piece => (bytes += piece.length))
      socket.resume()
      await once(socket, 'end')
      return bytes
    }),
  )
  t.ok(
    got.every(bytes => bytes > SIZE),
    'each of them gets all of it in the end',
  )
  t.match(await program.stop(), { code: 0 })
})
