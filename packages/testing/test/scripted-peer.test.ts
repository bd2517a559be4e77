import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { leakCheck, rawClient, rawServer, until, type RawPeer, type TestScope } from '@plimsoll/testing'

leakCheck(t)

async function pair(t: TestScope): Promise<{ client: RawPeer; server: RawPeer }> {
  const listening = await rawServer(t)
  const client = await rawClient(t, listening.address)
  return { client, server: await listening.peer(0) }
}

await t.test('a scripted server answers a scripted client, byte for byte', async t => {
  const server = await rawServer(t, async peer => {
    const request = await peer.readRequest()
    await peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${request.target.length}\r\n\r\n${request.target}`)
    peer.end()
  })
  t.equal(server.url, `http://127.0.0.1:${server.port}`)
  const client = await rawClient(t, server.port)
  await client.writeSlowly('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
  const response = await client.readResponse()
  t.equal(String(response.body), '/slow')
  t.equal(await client.expectClosed(), 'ended')
  t.equal(client.unread.length, 0)
})

await t.test('a Unix socket works in the same way', async t => {
  // A socket's path has 107 bytes at most (unix(7), sun_path): a checkout may lie deeper than that, the system's own folder doesn't.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'plimsoll-peer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const server = await rawServer(t, peer => peer.write('hello'), { path: path.join(folder, 's') })
  t.match(server.url, /^unix:.*s$/)
  const client = await rawClient(t, server.address)
  t.equal(String(await client.readUntil('hello')), 'hello')
  client.reset()
  t.equal(await (await server.peer(0)).expectClosed(), 'ended', 'no reset there')
})

await t.test(
  'readUntil takes up to a text, an expression, bytes or a number of bytes, and leaves the rest',
  async t => {
    const { client, server } = await pair(t)
    await server.write('one\r\ntwo 42;\0\xff rest')
    t.equal(String(await client.readUntil('\r\n')), 'one\r\n')
    t.equal(String(await client.readUntil(/\d+/g)), 'two 42')
    t.strictSame(await client.readUntil(Uint8Array.of(0, 0xff)), Buffer.from(';\0\xff', 'latin1'))
    t.equal(String(await client.readUntil(3)), ' re')
    server.end()
    t.equal(String(await client.readAll()), 'st')
  },
)

await t.test('a half-closed connection still carries the other direction', async t => {
  const { client, server } = await pair(t)
  client.end()
  t.equal(await server.expectClosed(), 'ended')
  await server.write('still here')
  t.equal(String(await client.readUntil('here')), 'still here')
  t.equal(client.state, 'open')
})

await t.test('a reset is told from an end, and ends every wait', async t => {
  const { client, server } = await pair(t)
  await server.write('half an ans')
  await client.readUntil('half')
  const waiting = client.readUntil('answer')
  server.reset()
  await t.rejects(waiting, {
    code: 'TESTING_ERR_PEER_CLOSED',
    message: /was reset by the other side before answer came.* an ans/,
  })
  t.equal(client.state, 'reset')
  t.equal(await client.expectClosed(), 'reset')
  await t.rejects(client.readAll(), { code: 'TESTING_ERR_PEER_CLOSED' })
})

await t.test('an end before the awaited bytes rejects, a wait without end has its time-out', async t => {
  const { client, server } = await pair(t)
  await t.rejects(client.expectClosed({ timeoutMs: 5 }), {
    code: 'TESTING_ERR_TIMEOUT',
    message: /5 ms for the close\. Nothing came/,
  })
  server.end()
  await t.rejects(client.readUntil(1), {
    code: 'TESTING_ERR_PEER_CLOSED',
    message: /ended by the other side before 1 bytes/,
  })
})

await t.test('a response framed by the close is complete with it', async t => {
  const { client, server } = await pair(t)
  await server.write('HTTP/1.1 200 OK\r\n\r\nuntil the end')
  server.end()
  t.equal(String((await client.readResponse()).body), 'until the end')
})

await t.test('what is no message rejects at once', async t => {
  const { client, server } = await pair(t)
  await server.write('SMTP ready\r\n\r\n')
  await t.rejects(client.readResponse(), { code: 'TESTING_ERR_BAD_MESSAGE' })
})

await t.test('a paused peer makes the other side wait', async t => {
  const { client, server } = await pair(t)
  client.pause()
  let done = false
  const size = 32 * 1024 * 1024
  const writing = server.write(Buffer.alloc(size)).then(() => (done = true))
  await until(() => server.socket.bytesWritten > 0, { what: 'the kernel to take some' })
  t.equal(done, false)
  client.resume()
  t.equal((await client.readUntil(size)).length, size)
  await writing
})

await t.test('connections are counted in the order of arrival', async t => {
  const server = await rawServer(t, (peer, index) => peer.write(String(index)))
  for (const index of [0, 1]) {
    const client = await rawClient(t, server.port)
    t.equal(String(await client.readUntil(1)), String(index))
  }
  t.equal(server.peers.length, 2)
  await t.rejects(server.peer(2, { timeoutMs: 5 }), { code: 'TESTING_ERR_TIMEOUT' })
})

await t.test('a script that fails fails its test, one that the end of the test cuts off does not', async t => {
  const failures: string[] = []
  const releases: (() => unknown)[] = []
  const inner: TestScope = {
    name: 'inner',
    teardown: release => void releases.push(release),
    fail: message => void failures.push(message),
    comment: () => {},
    passing: () => true,
    plan: () => {},
  }
  const server = await rawServer(inner, async (peer, index) => {
    if (index === 0) throw new Error('as planned')
    await peer.readUntil('never')
  })
  await rawClient(t, server.port)
  await rawClient(t, server.port)
  await server.peer(1)
  await until(() => failures.length > 0, { what: 'the failure' })
  for (const release of releases.toReversed()) await release()
  t.strictSame(failures, ['the script of connection 0 failed: as planned'])
})

await t.test('nobody listening is the caller to know', async t => {
  const server = await rawServer(t)
  await server.close()
  await t.rejects(rawClient(t, server.port), { code: 'ECONNREFUSED' })
})
