// Random answers of a lenient endpoint, good and broken, to clients that know what they asked for.
//
// * What a client gets is well-formed: whole answers, and at the end perhaps one that visibly breaks off (a close before its end).
// * No byte of an answer gets to another client: each answer carries the mark of the request that it answers.
// * A good answer arrives whole and unchanged; a request is answered once.
// * The process lives.
import { connect } from 'node:net'
import { once } from 'node:events'
import {
  parseResponse,
  rawServer,
  spawnProgram,
  until,
  type HttpResponse,
  type RawPeer,
  type SeededRandom,
} from '@plimsoll/testing'
import t from 'tap'
import { markOf, marksIn, mutate, pieces } from './request-maker.ts'
import { say, timeBox } from './time-box.ts'

const CLIENTS_AT_ONCE = 24
const { random, runs } = timeBox(60)
t.setTimeout(0)

const faults: string[] = []
const fault = (text: string) => {
  if (faults.length < 20) faults.push(text)
}

interface MadeAnswer {
  readonly bytes: string
  readonly body: string
  /** Whether another request may come over the connection: `unknown` where a mutation may have left a valid answer. */
  readonly keeps: 'yes' | 'no' | 'unknown'
  readonly isGood: boolean
  readonly leave: 'keep' | 'end' | 'reset'
}

/** An answer to a request with this mark and method. */
function makeAnswer(random: SeededRandom, mark: string, method: string): MadeAnswer {
  const size = random.pick([0, 1, 10, 1000, 30_000, 200_000])
  const text = mark.repeat(Math.ceil(size / mark.length)).slice(0, size)
  const status = random.pick([200, 200, 200, 201, 404, 500, 204, 304])
  const bare = method === 'HEAD' || status === 204 || status === 304
  const framing = random.pick(['length', 'chunked', 'close'])
  let fields = `X-Mark: ${mark}\r\n${random.pick(['', 'Set-Cookie: a=b\r\n', 'Connection: x-hop\r\nX-Hop: 1\r\n', 'Keep-Alive: timeout=5\r\n'])}`
  let body = bare ? '' : text
  if (framing === 'length') fields += `Content-Length: ${size}\r\n`
  if (framing === 'chunked') fields += 'Transfer-Encoding: chunked\r\n'
  if (framing === 'chunked' && !bare) {
    body = size === 0 ? '' : `${size.toString(16)};e=${mark}\r\n${text}\r\n`
    body += `0\r\n${random.pick(['', `X-Trailer: ${mark}\r\n`])}\r\n`
  }
  const interim = random.next() < 0.1 ? 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' : ''
  const good = `${interim}HTTP/1.1 ${status} Reason\r\n${fields}\r\n${body}`
  const untilClose = framing === 'close' && !bare
  const what = random.next()
  const made = {
    body: bare ? '' : text,
    keeps: untilClose ? 'unknown' : 'yes',
    isGood: true,
    leave: untilClose ? 'end' : 'keep',
    bytes: good,
  } as const
  if (what < 0.6) return made
  // Broken ones: nothing of the connection is used again by this endpoint.
  const leave = random.pick(['keep', 'end', 'reset'] as const)
  if (what < 0.7)
    return {
      ...made,
      bytes: good.slice(0, random.integer(0, good.length)),
      isGood: false,
      keeps: 'unknown',
      leave: leave === 'keep' ? 'end' : leave,
    }
  if (what < 0.8)
    return {
      ...made,
      bytes: good + random.pick(['x', '\r\n', `HTTP/1.1 200 OK\r\nX-Mark: ${mark}\r\nContent-Length: 0\r\n\r\n`, good]),
      isGood: false,
      keeps: 'no',
      leave,
    }
  return {
    ...made,
    bytes: mutate(random, good),
    isGood: false,
    keeps: 'unknown',
    leave: leave === 'keep' ? 'end' : leave,
  }
}

await t.test('random answers', async t => {
  const given = new Map<string, { made: MadeAnswer[]; count: number }>()
  const answerers = new Set<RawPeer>()
  const server = await rawServer(t, async peer => {
    answerers.add(peer)
    try {
      for (;;) {
        const head = (await peer.readUntil('\r\n\r\n', { timeoutMs: 600_000 })).toString('latin1')
        const method = head.split(' ')[0] ?? ''
        const [mark] = marksIn(head)
        if (mark === undefined) {
          await peer.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
          continue
        }
        const made = makeAnswer(random, mark, method)
        const entry = given.get(mark) ?? { made: [], count: 0 }
        entry.made.push(made)
        given.set(mark, entry)
        // Bytes behind a whole answer come together with it: if they came later, they might be taken for the next answer by anybody.
        for (const piece of made.keeps === 'no' ? [made.bytes] : pieces(random, made.bytes)) {
          await peer.write(piece)
          if (random.next() < 0.3) await new Promise(resolve => setImmediate(resolve))
        }
        if (made.leave === 'end') peer.end()
        if (made.leave === 'reset') peer.reset()
        if (made.keeps === 'yes') continue
        await peer.readUntil('\r\n\r\n', { timeoutMs: 600_000 })
        if (made.keeps === 'no') fault(`a request came behind ${JSON.stringify(made.bytes.slice(0, 300))}`)
        peer.release()
      }
    } catch {
      peer.end()
    } finally {
      answerers.delete(peer)
    }
  })
  const main = new URL('../../src/main.ts', import.meta.url).pathname
  const program = await spawnProgram(t, [
    'node',
    main,
    '--listen=127.0.0.1:0',
    '--admin=127.0.0.1:0',
    `--upstream=${server.url}`,
    '--log.level=silent',
    '--health.interval-ms=60000',
    '--shutdown.grace-ms=0',
    '--shutdown.drain-ms=100',
    '--timeouts.try-ms=1500',
    '--timeouts.total-ms=2000',
    '--timeouts.answer-idle-ms=1500',
    '--retry.count=0',
  ])
  const port = Number((JSON.parse(await program.line('"msg":"listening"')) as { listen: string }).listen.split(':')[1])
  await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200, { what: 'the endpoint to be up' })
  let counter = 0
  let whole = 0
  let cut = 0
  let ours = 0

  async function client(random: SeededRandom): Promise<void> {
    const asked: { mark: string; method: string }[] = []
    let bytes = ''
    for (let i = random.integer(1, 4); i > 0; i--) {
      const mark = markOf(++counter)
      const method = random.pick(['GET', 'GET', 'HEAD', 'POST', 'DELETE'])
      asked.push({ mark, method })
      bytes += `${method} /${mark} HTTP/1.1\r\nHost: a.test\r\n\r\n`
    }
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const received: Buffer[] = []
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    socket.on('error', () => {})
    const ended = new Promise(resolve => socket.once('end', resolve).once('close', resolve))
    await once(socket, 'connect').catch(() => {})
    socket.write(bytes)
    socket.end()
    const late = setTimeout(() => {
      fault(`no end within 10 s for ${JSON.stringify(asked)}`)
      socket.destroy()
    }, 10_000)
    await ended
    clearTimeout(late)
    socket.destroy()
    check(asked, Buffer.concat(received))
    for (const { mark } of asked) given.delete(mark)
  }

  function check(asked: readonly { mark: string; method: string }[], received: Buffer): void {
    let rest = received
    for (const { mark, method } of asked) {
      const made = given.get(mark)?.made ?? []
      let response: HttpResponse | undefined
      try {
        do {
          response = rest.length === 0 ? undefined : parseResponse(rest, { method })
          if (response && response.status < 200) rest = rest.subarray(response.raw.length)
        } while (response && response.status < 200)
      } catch (error) {
        return fault(
          `${String(error)}: ${JSON.stringify(rest.toString('latin1', 0, 500))} after ${JSON.stringify(made[0]?.bytes.slice(0, 500))}`,
        )
      }
      for (const other of marksIn(response?.raw ?? rest)) if (other !== mark) fault(`${mark} got bytes of ${other}`)
      if (!response) {
        // It broke off here: then nothing may follow, and a good answer may not have been cut.
        cut++
        if (made.length === 1 && made[0]?.isGood)
          fault(
            `a good answer was cut: ${JSON.stringify(made[0].bytes.slice(0, 300))} -> ${JSON.stringify(rest.toString('latin1', 0, 300))}`,
          )
        return
      }
      rest = rest.subarray(response.raw.length)
      if (response.header('x-mark') === undefined && response.status >= 500) ours++
      if (made.length === 1 && made[0]?.isGood) {
        whole++
        if (response.header('x-mark') !== mark || response.body.toString('latin1') !== made[0].body)
          fault(
            `another answer than was given: ${JSON.stringify(response.raw.toString('latin1', 0, 300))} for ${JSON.stringify(made[0].bytes.slice(0, 300))}`,
          )
      }
    }
    if (rest.length > 0) fault(`bytes behind the last answer: ${JSON.stringify(rest.toString('latin1', 0, 300))}`)
  }

  await Promise.all(
    Array.from({ length: CLIENTS_AT_ONCE }, async () => {
      while (runs() && faults.length === 0) await client(random)
    }),
  )
  say(
    `${counter} requests: ${whole} good answers whole, ${cut} broken ones cut, ${ours} replaced by a 5xx of the balancer's`,
  )
  t.same(faults, [])
  t.ok(answerers.size < 2000)
  t.match(await program.stop(), { code: 0 })
})
