// A network that's further away: passes on what comes, in order, later. `delay-proxy-program.ts <port> <ms each way>`; says its own port over IPC, and ends with
// whoever started it.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { DelayLine, type DelayTools } from './delay-line.ts'

const [port = 0, delayMs = 0] = process.argv.slice(2).map(Number)
const END = Symbol('end')
const tools: DelayTools = {
  now: () => performance.now(),
  later: (callback, ms) => void setTimeout(callback, ms),
}

function passOn(from: Socket, to: Socket): void {
  const line = new DelayLine<Buffer | typeof END>(
    delayMs,
    thing => {
      if (thing === END) to.end()
      else to.write(thing)
    },
    tools,
  )
  from.on('data', bytes => line.put(bytes as Buffer))
  from.on('end', () => line.put(END))
  from.on('error', () => to.destroy())
  from.on('close', broken => {
    if (broken) to.destroy()
  })
}

const server = createServer({ noDelay: true, allowHalfOpen: true }, client => {
  const onward = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
  passOn(client, onward)
  passOn(onward, client)
})
process.once('disconnect', () => process.exit(0))
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
