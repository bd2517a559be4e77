// An address that swallows connections: a listener whose queue is full and who never accepts, so that the kernel drops each SYN.
// It's a program of its own, stopped by SIGSTOP: a listener in this process would accept.
import { connect } from 'node:net'
import { spawnProgram } from '@plimsoll/testing'
import type { Test } from 'tap'

const LISTENER = `
  const server = require('node:net').createServer(socket => socket.on('error', () => {}))
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port))
`

export interface BlackHole {
  readonly url: string
  /** Until this is called it accepts like any other. */
  swallow(): Promise<void>
}

export async function blackHole(t: Test): Promise<BlackHole> {
  const program = await spawnProgram(t, ['node', '--eval', LISTENER], { stopTimeoutMs: 10 })
  const port = Number(await program.line(/^\d+$/))
  return {
    url: `http://127.0.0.1:${port}`,
    async swallow() {
      program.kill('SIGSTOP')
      for (;;) {
        const socket = connect(port, '127.0.0.1')
        t.teardown(() => socket.destroy())
        const connected = await new Promise<boolean>(resolve => {
          socket.once('connect', () => resolve(true))
          socket.once('error', () => resolve(false))
          setTimeout(resolve, 200, false)
        })
        if (!connected) return
      }
    },
  }
}
