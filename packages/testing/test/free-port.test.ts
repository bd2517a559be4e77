import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { freePort } from '@plimsoll/testing'

await t.test('the port can be listened on and lies below the ports of outgoing connections', async t => {
  const port = await freePort()
  t.ok(port >= 10_000 && port < 32_768, String(port))
  const server = createServer().listen(port, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
})

await t.test('a taken port is passed over', async t => {
  const taken = await freePort()
  const server = createServer().listen(taken, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const fraction = (port: number): number => (port - 10_000 + 0.5) / 22_768
  const other = await freePort()
  const numbers = [fraction(taken), fraction(taken), fraction(other)]
  t.equal(await freePort({ next: () => numbers.shift() ?? 0 }), other)
})

await t.test('the search ends', async t => {
  const taken = await freePort()
  const server = createServer().listen(taken, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  await t.rejects(freePort({ next: () => (taken - 10_000 + 0.5) / 22_768 }), { code: 'TESTING_ERR_NO_FREE_PORT' })
})
