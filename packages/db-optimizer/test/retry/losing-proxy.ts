// A peer between client and server that loses, on command, the next request or the answer to it, and the connection with it.
import net from 'node:net'
import type { TestScope } from '@plimsoll/testing'

export interface LosingProxy {
  readonly port: number
  /** `request`: the next bytes of a client are dropped. `answer`: they're passed on, and what the server answers is dropped. Then both ends are reset. */
  lose(what: 'request' | 'answer'): void
}

export async function losingProxy(t: TestScope, target: { host: string; port: number }): Promise<LosingProxy> {
  const sockets = new Set<net.Socket>()
  let next: 'request' | 'answer' | 'nothing' = 'nothing'
  const server = net.createServer(client => {
    const upstream = net.connect(target)
    let answersAreLost = false
    const reset = (): void => {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (sockets.delete(socket), reset()))
    }
    client.on('data', bytes => {
      const lost = next
      next = 'nothing'
      if (lost === 'request') return reset()
      answersAreLost ||= lost === 'answer'
      upstream.write(bytes)
    })
    upstream.on('data', bytes => {
      if (answersAreLost) reset()
      else client.write(bytes)
    })
  })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  return { port: address.port, lose: what => void (next = what) }
}
