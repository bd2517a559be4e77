// The proxy that everybody writes first: node:http on both sides, an Agent that keeps connections, streams piped. Round-robin, no more.
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PeerOrder } from './peer-order.ts'

process.once('disconnect', () => process.exit(0))
process.once('message', ({ upstreams }: PeerOrder) => {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: Number.POSITIVE_INFINITY,
    maxFreeSockets: 512,
    scheduling: 'lifo',
  })
  let turn = 0
  const server = createServer({ keepAliveTimeout: 72_000 }, (incoming, outgoing) => {
    turn = (turn + 1) % upstreams.length
    const onward = request({
      agent,
      host: '127.0.0.1',
      port: upstreams[turn],
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, connection: 'keep-alive', 'x-forwarded-for': incoming.socket.remoteAddress },
    })
    onward.on('response', answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => {
      if (!outgoing.headersSent) outgoing.writeHead(502)
      outgoing.end()
    })
    incoming.pipe(onward)
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
    process.send?.({ port: (server.address() as AddressInfo).port })
  })
})
