import t from 'tap'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '@plimsoll/testing'
import { promptSocket } from '../../src/database/prompt-socket.ts'

async function echoServer(listen: { readonly host: string; readonly port: number } | { readonly path: string }) {
  const server = createServer(socket => socket.pipe(socket)).listen(listen)
  t.teardown(() => server.close())
  await once(server, 'listening')
  return server
}

await t.test('what is written before there is a connection is sent when there is; hosts are tried in turn', async t => {
  const server = await echoServer({ host: '127.0.0.1', port: 0 })
  const { port } = server.address() as AddressInfo
  const { socket: open } = promptSocket()
  const address = { host: ['127.0.0.1', '127.0.0.1'], port: [await freePort(), port], path: false } as const
  const refused = open(address)
  refused.write('to nobody')
  const [error] = (await once(refused, 'error')) as [unknown]
  t.match(error, { code: 'ECONNREFUSED' })
  for (const expected of ['first', 'second']) {
    // The second round begins with the host that refuses.
    if (expected === 'second') await once(open(address), 'error')
    const socket = open(address)
    t.teardown(() => socket.destroy())
    socket.write(expected)
    const [echo] = (await once(socket, 'data')) as [Buffer]
    t.equal(String(echo), expected)
    t.match(socket, { host: '127.0.0.1' }, 'where TLS looks for the name')
  }
})

await t.test('a path is a Unix socket, whatever the host', async t => {
  // In a short place: the path of a socket has at most 107 bytes.
  const folder = await mkdtemp(path.join(tmpdir(), 'socket-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 's')
  await echoServer({ path: file })
  const socket = promptSocket().socket({ host: ['nowhere.invalid'], port: [1], path: file })
  t.teardown(() => socket.destroy())
  socket.write('x')
  const [echo] = (await once(socket, 'data')) as [Buffer]
  t.equal(String(echo), 'x')
})
