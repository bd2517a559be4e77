import t from 'tap'
import type { TestScope } from '@plimsoll/testing'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { openSocket } from '../../src/driver/slot-socket.ts'

async function peer(t: TestScope) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection').then(([socket]) => socket as Socket)
  return { port, accepted }
}

await t.test('a reset after all listeners were removed is told to its owner and to nobody else', async t => {
  const { port, accepted } = await peer(t)
  const socket = await openSocket({ host: '127.0.0.1', port }, 1000)
  const gone = new Promise<Error | null>(resolve => socket.whenGone(resolve))
  let heard = 0
  socket.on('data', () => (heard += 1))
  socket.removeAllListeners()
  t.equal(socket.listenerCount('data'), 0)
  t.equal(socket.listenerCount('error'), 1)
  socket.resume()
  const other = await accepted
  other.write('x')
  other.resetAndDestroy()
  t.match(await gone, { code: 'ECONNRESET' })
  t.equal(heard, 0)
})

await t.test('one event’s listeners can be removed alone', async t => {
  const { port } = await peer(t)
  const socket = await openSocket({ host: '127.0.0.1', port }, 1000)
  socket.on('data', () => {}).on('close', () => {})
  socket.removeAllListeners('error')
  t.equal(socket.listenerCount('error'), 1)
  t.equal(socket.listenerCount('data'), 1)
  socket.removeAllListeners('data')
  t.equal(socket.listenerCount('data'), 0)
  socket.destroy()
})

await t.test('nobody there: the system’s error', async t => {
  await t.rejects(openSocket({ host: '127.0.0.1', port: 1 }, 1000), { code: 'ECONNREFUSED' })
  await t.rejects(openSocket({ path: '/nowhere/at/all' }, 1000), { code: 'ENOENT' })
})
