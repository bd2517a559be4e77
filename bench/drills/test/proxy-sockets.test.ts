import { once } from 'node:events'
import { rawClient, rawServer, until } from '@plimsoll/testing'
import t from 'tap'
import { parseTcpTable, proxySockets } from '../src/proxy-sockets.ts'

await t.test('the table of the kernel is read, addresses of both families', async t => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000100007F:C350 08 00000000:00000000 00:00000000 00000000     0        0 4712
`
  t.same(parseTcpTable(table), [
    { localPort: 8080, remotePort: 0, state: 10, inode: '4711' },
    { localPort: 8080, remotePort: 50_000, state: 8, inode: '4712' },
  ])
  t.same(parseTcpTable(''), [])
})

await t.test('the sockets of a process are told apart', { skip: process.platform !== 'linux' }, async t => {
  const upstream = await rawServer(t)
  const proxy = await rawServer(t)
  const look = () => {
    const sockets = proxySockets(process.pid, proxy.port, [upstream.port])
    return sockets && { upstream: sockets.upstream, upstreamClosing: sockets.upstreamClosing, client: sockets.client }
  }
  const before = proxySockets(process.pid, proxy.port, [upstream.port])
  t.ok((before?.listening ?? 0) >= 2)
  t.same(look(), { upstream: 0, upstreamClosing: 0, client: 0 })
  const idle = await rawClient(t, upstream.port)
  await rawClient(t, proxy.port)
  await proxy.peer(0)
  t.same(look(), { upstream: 1, upstreamClosing: 0, client: 1 })
  // An upstream that has closed, and a proxy that holds on to its half: CLOSE_WAIT.
  ;(await upstream.peer(0)).end()
  await idle.expectClosed()
  t.same(look(), { upstream: 0, upstreamClosing: 1, client: 1 })
  const gone = once(idle.socket, 'close')
  idle.release()
  await gone
  await until(() => look()?.upstreamClosing === 0, { what: 'the socket to be gone' })
})
