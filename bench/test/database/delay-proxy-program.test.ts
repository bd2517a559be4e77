// The longer way on real sockets: all bytes, in their order, both ends.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { startProgram } from '../../src/program.ts'

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251))

await t.test('what is sent in pieces comes back whole, and the end of one side is the end at the other', async t => {
  const echo = createServer({ allowHalfOpen: true }, socket => socket.pipe(socket))
  t.teardown(() => echo.close())
  await once(echo.listen(0, '127.0.0.1'), 'listening')
  const program = path.join(import.meta.dirname, '../../src/database/delay-proxy-program.ts')
  const proxy = await startProgram({
    name: 'the delay proxy',
    command: [process.execPath, program, String((echo.address() as AddressInfo).port), '1'],
    ipc: true,
    ready: from => ('message' in from ? (from.message as { port: number }).port : undefined),
    signal: new AbortController().signal,
  })
  t.teardown(() => proxy.stop())
  const socket = connect({ host: '127.0.0.1', port: proxy.ready, allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  const answer = buffer(socket)
  for (let at = 0; at < BYTES.length; at += 40_000) socket.write(BYTES.subarray(at, at + 40_000))
  socket.end()
  t.ok(BYTES.equals(await answer))
})
