// Answers that come before the request is whole, which is what errors about uploads do: the client gets them whole, the connection ends
// behind them, and no rest of a body is ever taken for a request.
import t from 'tap'
import { rawClient, rawServer, until } from '@plimsoll/testing'
import { answerTo, final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer } from '../strict-origin.ts'

const SMUGGLED = get('/smuggled')

/** An endpoint that answers by the head alone, then does as the case says. */
async function early(
  t: Parameters<typeof rawServer>[0],
  then: 'read' | 'end' | 'close',
  text = answer('too large', '', '413 Content Too Large'),
) {
  const targets: string[] = []
  const server = await rawServer(t, async peer => {
    try {
      for (;;) {
        const head = (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1')
        const target = head.split(' ')[1] ?? ''
        targets.push(target)
        await peer.write(target === '/early' ? text : answer(`answer to ${target}`))
        if (target !== '/early') continue
        if (then === 'end') peer.end()
        if (then === 'close') peer.release()
        if (then !== 'read') return
        await peer.readUntil(/never/, { timeoutMs: 60_000 })
      }
    } catch {
      peer.end()
    }
  })
  return { server, targets }
}

for (const then of ['read', 'end'] as const) {
  await t.test(
    `an early answer (the endpoint ${then === 'read' ? 'reads on' : 'ends its side'}) ends the connection`,
    async t => {
      const { server, targets } = await early(t, then)
      const balancer = await startBalancer(t, [server.url])
      const client = await rawClient(t, balancer.port)
      await client.write(get('/early', 'Content-Length: 1000\r\n', 'POST'))
      const response = await final(client, 'POST')
      t.equal(response.status, 413)
      t.equal(response.body.toString(), 'too large')
      t.equal(response.header('connection'), 'close')
      // Further bytes: the rest of the body, which looks like a request.
      await client.write(SMUGGLED)
      client.end()
      t.equal((await client.readAll()).length, 0)
      t.same(targets, ['/early'])
      t.equal((await answerTo(t, balancer.port, get('/victim'))).body.toString(), 'answer to /victim')
    },
  )
}

await t.test('a client that sends all of a large body before it reads still gets the early answer', async t => {
  const { server } = await early(t, 'read')
  const balancer = await startBalancer(t, [server.url])
  const client = await rawClient(t, balancer.port)
  client.pause()
  const written = client.write(get('/early', 'Content-Length: 9000000\r\n', 'POST') + 'x'.repeat(9_000_000))
  await written
  client.resume()
  t.equal((await final(client, 'POST')).status, 413)
  t.equal(await client.expectClosed(), 'ended', 'and no reset that could have taken it away')
})

await t.test('an early answer and a hard close become that answer or a 502, and never a hang', async t => {
  const { server } = await early(t, 'close')
  const balancer = await startBalancer(t, [server.url])
  for (let round = 0; round < 20; round++) {
    const client = await rawClient(t, balancer.port)
    void client.write(get('/early', 'Content-Length: 1000000\r\n', 'POST') + 'x'.repeat(1_000_000)).catch(() => {})
    const response = await final(client, 'POST')
    t.ok([413, 502].includes(response.status), String(response.status))
  }
})

await t.test('an early answer in chunks goes on while the body still comes', async t => {
  const server = await rawServer(t, async peer => {
    try {
      await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })
      await peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (let i = 0; i < 5; i++) {
        const echoed = (await peer.readUntil(1, { timeoutMs: 5000 })).toString()
        await peer.write(`1\r\n${echoed}\r\n`)
      }
      await peer.write('0\r\n\r\n')
    } catch {
      peer.end()
    }
  })
  const balancer = await startBalancer(t, [server.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/', 'Content-Length: 5\r\n', 'POST'))
  await client.readUntil('\r\n\r\n')
  for (const letter of 'abcde') {
    await client.write(letter)
    t.equal((await client.readUntil(`${letter}\r\n`)).toString(), `1\r\n${letter}\r\n`, 'each as soon as it was sent')
  }
  await client.readUntil('0\r\n\r\n')
})

await t.test('a body that turns out to be broken behind an answer that has begun cuts that answer', async t => {
  const server = await rawServer(t, async peer => {
    if (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null))
      await peer.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome')
  })
  const balancer = await startBalancer(t, [server.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/', 'Transfer-Encoding: chunked\r\n', 'POST'))
  await client.readUntil('some')
  await client.write('nonsense\r\n')
  await client.expectClosed()
  t.equal(client.unread.length, 0, 'no second answer inside the first')
  await until(() => server.peers.every(peer => peer.state !== 'open'), { what: 'the endpoint to see it' })
})
