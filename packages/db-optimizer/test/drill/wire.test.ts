// The wire does to bytes what its scenes believe it does.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { SeededRandom, until } from '@plimsoll/testing'
import { openWire, type Wire } from './wire.ts'

/** A client and its server with a wire between them, and what each has received. */
async function crossing(t: Test, prepare: (wire: Wire) => void = () => {}) {
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer({ allowHalfOpen: true }, accepted.resolve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const wire = await openWire(`postgres://user@127.0.0.1:${port}/none`, new SeededRandom(1))
  prepare(wire)
  const client = connect({ host: '127.0.0.1', port: Number(new URL(wire.url).port), allowHalfOpen: true })
  const ends = { client: new End(client), server: new End(await accepted.promise) }
  t.teardown(async () => {
    client.destroy()
    ends.server.socket.destroy()
    await wire.close()
    server.close()
  })
  return { wire, ...ends }
}

class End {
  readonly socket: Socket
  received = ''
  state: 'open' | 'ended' | 'reset' = 'open'

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => (this.received += bytes.toString('latin1')))
    socket.on('end', () => (this.state = 'ended'))
    socket.on('error', () => (this.state = 'reset'))
  }

  async has(text: string): Promise<boolean> {
    await until(() => this.received.length >= text.length, { what: JSON.stringify(text) })
    return this.received === text
  }

  async is(state: 'ended' | 'reset'): Promise<boolean> {
    await until(() => this.state !== 'open', { what: state })
    return this.state === state
  }
}

await t.test('bytes and ends pass as they are, each way', async t => {
  const { client, server } = await crossing(t)
  client.socket.write('question')
  t.ok(await server.has('question'))
  client.socket.end()
  t.ok(await server.is('ended'))
  server.socket.end('answer')
  t.ok(await client.has('answer'))
  t.ok(await client.is('ended'))
})

await t.test('what is held is delivered in order when it goes on, its end included', async t => {
  const { wire, client, server } = await crossing(t)
  wire.stall('held', ['requests'])
  client.socket.write('one ')
  client.socket.end('two')
  server.socket.write('the other way')
  t.ok(await client.has('the other way'))
  t.equal(server.received, '')
  wire.goOn()
  t.ok(await server.has('one two'))
  t.ok(await server.is('ended'))
})

await t.test('what is lost never comes, nor anything behind it: the connection is reset', async t => {
  const { wire, client, server } = await crossing(t)
  wire.stall('lost', ['answers'])
  server.socket.write('gone')
  client.socket.write('arrives')
  t.ok(await server.has('arrives'))
  // A turn of the loop for the wire: its other direction has moved on.
  client.socket.write('!')
  t.ok(await server.has('arrives!'))
  wire.goOn()
  t.ok(await client.is('reset'))
  t.equal(client.received, '')
})

for (const by of ['reset', 'end'] as const) {
  await t.test(`a tear by ${by} lets exactly so many bytes through`, async t => {
    const { wire, client, server } = await crossing(t, wire => {
      wire.tears = () => ({ direction: 'answers', afterBytes: 5, by })
    })
    server.socket.write('ans')
    t.ok(await client.has('ans'))
    server.socket.write('wers')
    t.ok(await client.has('answe'))
    t.ok(await client.is(by === 'end' ? 'ended' : 'reset'))
    t.equal(wire.torn, 1)
  })
}

await t.test('a connection may be reset when it was just accepted', async t => {
  const wire = await openWire('postgres://user@127.0.0.1:1/none', new SeededRandom(1))
  t.teardown(() => wire.close())
  wire.tears = () => 'at once'
  const client = new End(connect({ host: '127.0.0.1', port: Number(new URL(wire.url).port) }))
  t.ok(await client.is('reset'))
  t.equal(wire.torn, 1)
})

await t.test('a stop holds a request until what is to happen meanwhile has', async t => {
  const { wire, client, server } = await crossing(t)
  const happened = wire.stopAt({
    text: 'commit',
    at: 'request',
    meanwhile: async () => {
      t.equal(server.received, 'begin')
      return 'deliver'
    },
  })
  client.socket.write('begin')
  t.ok(await server.has('begin'))
  client.socket.write('commit')
  await happened
  t.ok(await server.has('begincommit'))
})

await t.test('a stop at the answer lets as many answers through as it says, and cuts off the rest', async t => {
  const { wire, client, server } = await crossing(t)
  // Type, length of what follows with itself, one byte of state.
  const ready = 'Z\0\0\0\u0005I'
  const answered = Promise.withResolvers<void>()
  const stopped = wire.stopAt({
    text: 'commit',
    at: 'answer',
    answersDelivered: 1,
    meanwhile: async () => {
      await answered.promise
      return 'cut'
    },
  })
  client.socket.write('commit')
  t.ok(await server.has('commit'))
  const row = 'D\0\0\0\u0006ab'
  server.socket.write(Buffer.from(`${row}${ready}${row}${ready}`, 'latin1'))
  t.ok(await client.has(`${row}${ready}`))
  answered.resolve()
  await stopped
  t.ok(await client.is('reset'))
  t.equal(client.received, `${row}${ready}`)
})
