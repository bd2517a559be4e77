// A TCP proxy that keeps back what the server sends, and lets it go in one piece: an answer and the messages behind it in one packet, at will. It can also
// garble a statement, for one that the server refuses.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestScope } from '@plimsoll/testing'

export interface HoldingProxy {
  /** The database's address through the proxy. */
  readonly url: string
  /** Nothing of the server passes any more; of the client all does. With `after`: from the first packet of a client with that text on. */
  hold(after?: string): void
  /** What the server has sent meanwhile. */
  held(): string
  /** All that was held goes in one packet, and things pass again. */
  release(): void
  /** The first that was held goes; the rest stays. */
  releaseFirst(): void
  /** From now on clients' statements have another text in place of this one, of the same length. */
  garble(text: string, replacement: string): void
  /** All connections end; what was held is lost. */
  reset(): void
}

export async function holdingProxy(t: TestScope, databaseUrl: string): Promise<HoldingProxy> {
  const target = new URL(databaseUrl)
  const clients = new Set<Socket>()
  let holding = false
  let holdAfter: string | undefined
  let garbled: readonly [text: string, replacement: string] | undefined
  let kept: { readonly client: Socket; readonly chunk: Buffer }[] = []
  const server = createServer(client => {
    const upstream = connect(Number(target.port), target.hostname)
    clients.add(client)
    client.setNoDelay(true)
    client.on('data', (chunk: Buffer) => {
      if (holdAfter !== undefined && chunk.includes(holdAfter)) holding = true
      const at = garbled === undefined ? -1 : chunk.indexOf(garbled[0])
      if (garbled !== undefined && at !== -1) chunk.write(garbled[1], at)
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (holding) kept.push({ client, chunk })
      else client.write(chunk)
    })
    const over = (): void => {
      clients.delete(client)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      socket.on('error', over)
      socket.on('close', over)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(
    () =>
      new Promise(resolve => {
        server.close(resolve)
        for (const client of clients) client.destroy()
      }),
  )
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    hold: after => {
      if (after === undefined) holding = true
      else holdAfter = after
    },
    held: () => Buffer.concat(kept.map(({ chunk }) => chunk)).toString('latin1'),
    release: () => {
      holding = false
      holdAfter = undefined
      const all = kept
      kept = []
      for (const client of new Set(all.map(({ client }) => client))) {
        client.write(Buffer.concat(all.filter(one => one.client === client).map(({ chunk }) => chunk)))
      }
    },
    releaseFirst: () => {
      const first = kept.shift()
      first?.client.write(first.chunk)
    },
    garble: (...texts) => (garbled = texts),
    reset: () => {
      holding = false
      holdAfter = undefined
      kept = []
      for (const client of clients) client.resetAndDestroy()
    },
  }
}
