// @fastify/http-proxy with its defaults, as a program that the balancer suite starts. It knows one upstream.
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyPluginAsync } from 'fastify'
import type { PeerOrder } from './peer-order.ts'

process.once('disconnect', () => process.exit(0))
process.once('message', ({ upstreams }: PeerOrder) => {
  void (async () => {
    // By a name that the compiler doesn't follow: the suite leaves this candidate out where the package isn't installed.
    const name: string = '@fastify/http-proxy'
    const { default: proxy } = (await import(name)) as { default: FastifyPluginAsync<{ upstream: string }> }
    const app = fastify({ logger: false, keepAliveTimeout: 72_000 })
    await app.register(proxy, { upstream: `http://127.0.0.1:${upstreams[0]}` })
    await app.listen({ host: '127.0.0.1', port: 0 })
    process.send?.({ port: (app.server.address() as AddressInfo).port })
  })()
})
