// node:http towards clients and an undici Pool per upstream: the fastest that libraries give without a parser of one's own.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PeerOrder } from './peer-order.ts'

/** What's used of undici, which the suite finds or leaves this candidate out. */
interface Undici {
  readonly Pool: new (origin: string, options: { connections: number; pipelining: number }) => UndiciPool
}
interface UndiciPool {
  stream(
    options: { method: string; path: string; headers: Record<string, string | string[] | undefined>; body: unknown },
    onHead: (head: { statusCode: number; headers: Record<string, string | string[]> }) => unknown,
  ): Promise<unknown>
}

process.once('disconnect', () => process.exit(0))
process.once('message', ({ upstreams }: PeerOrder) => {
  void (async () => {
    const name: string = 'undici'
    const { Pool } = (await import(name)) as Undici
    const pools = upstreams.map(port => new Pool(`http://127.0.0.1:${port}`, { connections: 512, pipelining: 1 }))
    let turn = 0
    const server = createServer({ keepAliveTimeout: 72_000 }, (incoming, outgoing) => {
      turn = (turn + 1) % pools.length
      const { connection: _, ...headers } = incoming.headers
      const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD'
      const forwarded = { ...headers, 'x-forwarded-for': incoming.socket.remoteAddress }
      const order = {
        method: incoming.method ?? 'GET',
        path: incoming.url ?? '/',
        headers: forwarded,
        body: hasBody ? incoming : null,
      }
      pools[turn]
        ?.stream(order, head => {
          outgoing.writeHead(head.statusCode, head.headers)
          return outgoing
        })
        .catch(() => {
          if (!outgoing.headersSent) outgoing.writeHead(502)
          outgoing.end()
        })
    })
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
      process.send?.({ port: (server.address() as AddressInfo).port })
    })
  })()
})
