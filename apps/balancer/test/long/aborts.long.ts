// 100,000 requests that are aborted at random points, by clients and endpoints, by FIN and by RST. Then everything is back where it was:
// sockets and other descriptors, the event loop's handles and timers, the balancer's own counts, and the heap.
//
//   node test/long/aborts.long.ts [SECONDS, at most] [SEED] [ABORTS]
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until, type SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { startBalancer } from '../start-balancer.ts'
import { say, timeBox } from './time-box.ts'

const CLIENTS_AT_ONCE = 200
/** What the heap may have grown by: caches of the runtime, optimised code. A leak of 100 bytes per abort would be 10 MB. */
const HEAP_TOLERANCE_BYTES = 6_000_000
const WARM_UP = 3000
const ABORTS = Number(process.argv[4] ?? 100_000)

const { random, runs } = timeBox(600)
t.setTimeout(0)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

type Leave = (socket: Socket) => void
// A reset in the moment of an end is refused, and Node leaves the socket open for good: one in about 100,000 here.
const reset: Leave = socket => (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy())
const LEAVE: readonly Leave[] = [socket => socket.destroy(), reset, socket => socket.end()]

const HEADS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'nonsense\r\n\r\n',
]

await t.test(`${ABORTS} aborted requests leave nothing behind`, async t => {
  /** An endpoint that does anything but answer as it should, except now and then. */
  const endpointSockets = new Set<Socket>()
  const endpoint = createServer({ allowHalfOpen: true }, socket => {
    endpointSockets.add(socket)
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('close', () => endpointSockets.delete(socket))
    socket.on('data', bytes => {
      // Bodies and tunnelled bytes get no answer.
      if (!bytes.includes('HTTP/1.1\r\n')) return
      answerSomehow(random, socket, bytes.includes('Upgrade: websocket'))
    })
  })
  await new Promise<void>(resolve => endpoint.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    endpoint.close()
    for (const socket of endpointSockets) socket.destroy()
  })
  const balancer = await startBalancer(
    t,
    [`http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`],
    [
      '--health.interval-ms=3600000',
      '--timeouts.try-ms=300',
      '--timeouts.total-ms=300',
      '--timeouts.answer-idle-ms=300',
      '--timeouts.tunnel-idle-ms=300',
      '--timeouts.linger-ms=100',
      '--timeouts.idle-client-ms=300',
      '--timeouts.idle-upstream-ms=300',
      '--timeouts.request-head-ms=300',
      '--timeouts.half-closed-probe-ms=20',
      '--timeouts.rate-window-ms=200',
    ],
  )
  // From here on nothing but the balancer's own is under way.
  const descriptors = () => readdirSync('/proc/self/fd').length
  const handles = () => {
    const counts: Record<string, number> = {}
    for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
    delete counts['Immediate']
    return counts
  }
  const heap = async () => {
    for (let i = 0; i < 4; i++) {
      collect()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    return process.memoryUsage().heapUsed
  }
  const figure = (text: string, name: string) =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(text)?.[1])
  const settled = () =>
    until(
      async () => {
        const text = await (await fetch(`${balancer.adminUrl}/metrics`, { headers: { connection: 'close' } })).text()
        return (
          figure(text, 'lb_connections_active') === 0 &&
          figure(text, 'lb_requests_active') === 0 &&
          figure(text, 'lb_upstream_requests_active') === 0 &&
          !/^lb_upstream_connections\{.*\} [1-9]/m.test(text)
        )
      },
      { what: 'all connections to be gone', timeoutMs: 20_000, intervalMs: 100 },
    )
  const run = async (aborts: number) => {
    let left = aborts
    await Promise.all(
      Array.from({ length: CLIENTS_AT_ONCE }, async () => {
        while (left-- > 0 && runs()) await abort(random, balancer.port)
      }),
    )
    return left <= 0
  }

  await run(WARM_UP)
  await settled()
  const before = { descriptors: descriptors(), handles: handles(), heap: await heap() }
  const fromMs = performance.now()
  t.ok(await run(ABORTS), 'within the time')
  const seconds = (performance.now() - fromMs) / 1000
  await settled()
  await until(() => descriptors() <= before.descriptors, { what: 'the descriptors to be back' }).catch(
    (error: unknown) => {
      say(openDescriptors())
      throw error
    },
  )
  const after = { descriptors: descriptors(), handles: handles(), heap: await heap() }
  say(
    `${ABORTS} aborts in ${seconds.toFixed(0)} s; descriptors ${before.descriptors} -> ${after.descriptors}; heap ${(before.heap / 1e6).toFixed(1)} -> ${(after.heap / 1e6).toFixed(1)} MB`,
  )
  t.ok(after.descriptors <= before.descriptors)
  for (const [kind, count] of Object.entries(after.handles))
    t.ok(count <= (before.handles[kind] ?? 0), `${kind}: ${before.handles[kind] ?? 0} -> ${count}`)
  t.ok(after.heap - before.heap < HEAP_TOLERANCE_BYTES, `heap ${before.heap} -> ${after.heap}`)
})

/** What the process has open, a line each, with the kernel's view of its sockets: what to look at when some stayed. */
function openDescriptors(): string {
  const lines: string[] = []
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      lines.push(`${name} ${readlinkSync(`/proc/self/fd/${name}`)}`)
    } catch {
      // The one that read the directory.
    }
  }
  for (const table of ['tcp', 'tcp6'])
    for (const line of readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n')) {
      const inode = line.trim().split(/\s+/)[9]
      if (inode !== undefined && inode !== '0' && lines.some(open => open.includes(`[${inode}]`))) lines.push(line)
    }
  return lines.join('\n')
}

function answerSomehow(random: SeededRandom, socket: Socket, upgrade: boolean): void {
  const leave = random.pick(LEAVE)
  switch (random.integer(0, 8)) {
    case 0:
      return leave(socket)
    case 1:
      // Never answered: the try's time, or the client, ends it.
      return
    case 2:
      socket.write('HTTP/1.1 200 O')
      return leave(socket)
    case 3:
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
      return void setTimeout(leave, random.integer(0, 5), socket)
    case 4:
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
      return void setTimeout(leave, random.integer(0, 5), socket)
    case 5:
      socket.write('nonsense\r\n\r\n')
      return
    case 6:
      if (upgrade)
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
      else socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      return void setTimeout(leave, random.integer(0, 5), socket)
    case 7:
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`)
      return
    default:
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  }
}

/** One client that leaves at a random point: before, within or behind its request, or in the middle of the answer. */
function abort(random: SeededRandom, port: number): Promise<void> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const leave = random.pick(LEAVE)
    const bytes = random.pick(HEADS) + random.pick(['', '', 'hello', 'GET /2 HTTP/1.1\r\nHost: a\r\n\r\n'])
    // A client that only ends its side stays until the balancer has closed the other.
    const late = setTimeout(() => socket.destroy(), 1000)
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(late)
      resolve()
    })
    if (random.next() < 0.3) socket.pause()
    else socket.resume()
    socket.once('connect', () => {
      const point = random.integer(0, 4)
      if (point === 0) return leave(socket)
      socket.write(point === 1 ? bytes.slice(0, random.integer(1, bytes.length)) : bytes)
      if (point === 2) return leave(socket)
      if (point === 3) socket.once('data', () => leave(socket))
      setTimeout(leave, random.integer(0, 20), socket)
    })
  })
}
