// Random request streams against a running balancer and a strict origin, for as long as the time box says.
//
// * The origin sees well-formed requests only (test/strict-origin.ts).
// * No byte of one client's requests is in a request, or in an answer, of another client: every request carries its client's mark, and
//   the origin's answers name the mark of the request that they answer.
// * Every answer of the origin is delivered once, to the client whose request it answers, in order.
// * A stream without mutations is answered in full.
// * The process lives, and its memory doesn't grow without end.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import { parseResponse, spawnProgram, until, type HttpResponse, type SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { answer, strictOrigin } from '../strict-origin.ts'
import { makeRequest, markOf, marksIn, mutate, pieces, type MadeRequest } from './request-maker.ts'
import { say, timeBox } from './time-box.ts'

const CLIENTS_AT_ONCE = 24
const { random, runs } = timeBox(60)
t.setTimeout(0)

const faults: string[] = []
const fault = (text: string) => {
  if (faults.length < 20) faults.push(text)
}

await t.test('random request streams', async t => {
  const origin = await strictOrigin(t, request => {
    const serial = origin.seen.length - 1
    const marks = marksIn(request.raw)
    if (marks.size > 1)
      fault(`a request with bytes of several clients: ${request.raw.toString('latin1').slice(0, 500)}`)
    const body = `serial=${serial} mark=${[...marks][0] ?? ''} length=${request.body.length}`
    return request.method === 'HEAD'
      ? `HTTP/1.1 200 OK\r\nX-Serial: ${serial}\r\nContent-Length: ${body.length}\r\n\r\n`
      : answer(body, `X-Serial: ${serial}\r\n`)
  })
  const main = new URL('../../src/main.ts', import.meta.url).pathname
  const program = await spawnProgram(t, [
    'node',
    main,
    '--listen=127.0.0.1:0',
    '--admin=127.0.0.1:0',
    `--upstream=${origin.url}`,
    '--log.level=error',
    '--health.interval-ms=60000',
    '--shutdown.grace-ms=0',
    '--shutdown.drain-ms=100',
    '--timeouts.try-ms=2000',
  ])
  const port = Number((JSON.parse(await program.line('"msg":"listening"')) as { listen: string }).listen.split(':')[1])
  let counter = 0
  let answered = 0
  const delivered = new Set<number>()

  async function client(random: SeededRandom): Promise<void> {
    const mark = markOf(++counter)
    const mutated = random.next() < 0.7
    const made = Array.from({ length: random.integer(1, 5) }, () => makeRequest(random, mark))
    const bytes = made
      .map(request => (mutated && random.next() < 0.5 ? mutate(random, request.bytes) : request.bytes))
      .join('')
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const received: Buffer[] = []
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    socket.on('error', () => {})
    const ended = new Promise(resolve => socket.once('end', resolve).once('close', resolve))
    await once(socket, 'connect').catch(() => {})
    for (const piece of pieces(random, bytes)) {
      socket.write(piece)
      if (random.next() < 0.5) await new Promise(resolve => setImmediate(resolve))
    }
    socket.end()
    const late = setTimeout(() => {
      fault(`no end within 10 s for ${JSON.stringify(bytes.slice(0, 1000))}`)
      socket.destroy()
    }, 10_000)
    await ended
    clearTimeout(late)
    socket.destroy()
    check(mark, made, mutated || bytes !== made.map(({ bytes }) => bytes).join(''), Buffer.concat(received), bytes)
  }

  function check(mark: string, made: readonly MadeRequest[], mutated: boolean, received: Buffer, sent: string): void {
    let finals: HttpResponse[]
    try {
      finals = finalsIn(received, mutated ? [] : made.map(({ method }) => method))
    } catch (error) {
      // A HEAD that a mutation has moved can't be followed by a reader who doesn't know of it.
      if (!mutated || !sent.includes('HEAD ')) fault(`${String(error)} for ${JSON.stringify(sent.slice(0, 1000))}`)
      return
    }
    for (const response of finals) {
      for (const other of marksIn(response.raw)) if (other !== mark) fault(`${mark} got bytes of ${other}`)
      const serial = response.header('x-serial')
      if (serial === undefined) continue
      answered++
      if (delivered.has(Number(serial))) fault(`answer ${serial} was delivered twice`)
      delivered.add(Number(serial))
      const request = origin.seen[Number(serial)]
      const marks = marksIn(request?.raw ?? '')
      if (marks.size > 0 && !marks.has(mark)) fault(`${mark} got the answer to a request of ${[...marks].join(' ')}`)
    }
    if (mutated) return
    if (finals.length !== made.length)
      return fault(`${finals.length} answers to ${made.length} requests: ${JSON.stringify(sent.slice(0, 1000))}`)
    for (const [index, request] of made.entries()) {
      const seen = origin.seen[Number(finals[index]?.header('x-serial') ?? -1)]
      if (!seen) fault(`status ${finals[index]?.status} for ${JSON.stringify(request.bytes.slice(0, 500))}`)
      else if (
        seen.method !== request.method ||
        seen.target !== request.target ||
        seen.body.toString('latin1') !== request.body
      )
        fault(`another request than was sent: ${seen.raw.toString('latin1').slice(0, 300)}`)
    }
  }

  const rssMb = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'))?.[1]) / 1024
  await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200, { what: 'the endpoint to be up' })
  let warmMb = 0
  await Promise.all(
    Array.from({ length: CLIENTS_AT_ONCE }, async () => {
      while (runs() && faults.length === 0 && origin.faults.length === 0) {
        await client(random)
        if (counter === 1000) warmMb = rssMb()
      }
    }),
  )
  say(
    `${counter} connections, ${origin.seen.length} requests at the origin, ${answered} answers, RSS ${warmMb.toFixed(0)} -> ${rssMb().toFixed(0)} MB`,
  )
  t.same(faults, [])
  t.same(origin.faults, [])
  t.ok(rssMb() < warmMb + 100 || warmMb === 0)
  t.match(await program.stop(), { code: 0 })
})

/** Final answers in all that was received; what's cut at the end is an error. */
function finalsIn(bytes: Buffer, methods: readonly string[]): HttpResponse[] {
  const finals: HttpResponse[] = []
  for (let rest = bytes; rest.length > 0;) {
    const serial = rest.toString('latin1', 0, 40).startsWith('HTTP/1.1 200 OK\r\nX-Serial: ')
    const method = methods[finals.length] ?? (serial && !rest.includes('serial=') ? 'HEAD' : 'GET')
    const response = parseResponse(rest, { method, ended: true })
    if (!response) throw new Error(`not a whole answer: ${JSON.stringify(rest.toString('latin1', 0, 300))}`)
    if (response.status >= 200) finals.push(response)
    rest = rest.subarray(response.raw.length)
  }
  return finals
}
