// A way to PostgreSQL that loses the answer to a COMMIT: what was asked arrives, what was answered doesn't.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { TestDatabase, TestScope } from '@plimsoll/testing'

export interface AnswerHoldingRelay {
  /** Address of the database by this way. */
  readonly url: string
  /** From now on the answer to each COMMIT, and whatever follows it, is kept back; resolves when the first such COMMIT was passed on. */
  hold(): Promise<void>
  /** Resets all connections, and until `mend` every new one. */
  cut(): void
  mend(): void
}

/** The simple query that ends a transaction, as the driver sends it. */
const COMMIT = Buffer.from('commit\0')

export async function answerHoldingRelay(t: TestScope, database: TestDatabase): Promise<AnswerHoldingRelay> {
  const { hostname, port } = new URL(database.url)
  const sockets = new Set<Socket>()
  let holding = false
  let isCut = false
  let held = Promise.withResolvers<void>()
  const server: Server = createServer(near => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect({ host: hostname, port: Number(port) })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    far.pipe(near)
    near.on('data', (bytes: Buffer) => {
      if (holding && bytes.includes(COMMIT)) {
        far.unpipe(near)
        far.resume()
        held.resolve()
      }
      far.write(bytes)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.resetAndDestroy()
  }
  t.teardown(async () => {
    cut()
    await new Promise(resolve => server.close(resolve))
  })
  const url = new URL(database.url)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    hold() {
      holding = true
      held = Promise.withResolvers()
      return held.promise
    },
    cut,
    mend() {
      isCut = false
      holding = false
    },
  }
}
