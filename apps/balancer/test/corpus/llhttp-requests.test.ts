// The public test vectors of llhttp (node's own parser), sent raw through the balancer: what of them is valid is a question that its
// authors answer by modes, so only the hard invariants are asked for here.
//
// * Each answer of the origin belongs to one request that arrived there exactly once, well-formed, on behalf of this very client.
// * There are no more final answers than the vector allows, and nothing that isn't an answer stands between or behind them.
// * The client has everything, its connection's end included, within the vector's time; the process lives.
import { readFileSync } from 'node:fs'
import { rawClient, parseResponse, type HttpResponse } from '@plimsoll/testing'
import t from 'tap'
import { answerTo, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'
import { check, everyCase } from './every-case.ts'

interface Vector {
  readonly id: string
  /** Pieces to send, one segment each; `{{T}}` stands for a token of this run of it. */
  readonly send: readonly string[]
  readonly maxFinals: number
  readonly maxMs: number
  /** Methods of the requests in it, as far as they can be told: they decide how an answer is read. */
  readonly methods: readonly string[]
}

const { vectors } = JSON.parse(readFileSync(new URL('llhttp-requests.json', import.meta.url), 'utf8')) as {
  vectors: Vector[]
}

/** The serial of a request at the origin comes back in its answer. */
const origin = await strictOrigin(t, request => {
  const serial = origin.seen.length
  return request.method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' : answer(`serial ${serial};`)
})
const balancer = await startBalancer(t, [origin.url])

/** All answers in `bytes`; throws if anything else is there. */
function answersIn(bytes: Buffer, methods: readonly string[]): HttpResponse[] {
  const finals: HttpResponse[] = []
  let rest = bytes
  while (rest.length > 0) {
    const response = parseResponse(rest, { method: methods[finals.length] ?? 'GET', ended: true })
    if (!response) throw new Error(`no whole answer: ${JSON.stringify(rest.toString('latin1'))}`)
    if (response.status >= 200) finals.push(response)
    rest = rest.subarray(response.raw.length)
  }
  return finals
}

t.equal(vectors.length, 166)
for (const way of ['whole', 'in pieces of 5 bytes']) {
  const cases = vectors.map((vector, index) => ({ name: `${vector.id}, ${way}`, vector, index }))
  await t.test(`${cases.length} vectors, ${way}`, t =>
    everyCase(t, cases, async ({ vector: { send, maxFinals, maxMs, methods }, index }) => {
      const token = `t${index}x${way.length}`
      const before = origin.seen.length
      const client = await rawClient(t, balancer.port)
      for (const piece of send) {
        const bytes = piece.replaceAll('{{T}}', token)
        // The connection may be closed in the middle of it, which is an answer too.
        await (way === 'whole' ? client.write(bytes) : client.writeSlowly(bytes, { chunkBytes: 5 })).catch(() => {})
      }
      client.end()
      check.equal(await client.expectClosed({ timeoutMs: maxMs }), 'ended')
      const finals = answersIn(client.unread, methods)
      check.ok(finals.length <= maxFinals, `${finals.length} final answers`)
      const serials = finals.flatMap(({ body }) => /^serial (\d+);$/.exec(body.toString())?.[1] ?? []).map(Number)
      check.equal(new Set(serials).size, serials.length, 'each answer is that of another request')
      for (const serial of serials) check.ok(serial > before && serial <= origin.seen.length, 'which was this client’s')
      for (const request of origin.seen.slice(before)) {
        const mark = request.header('x-t')
        check.ok(mark === undefined || mark === token)
      }
      check.equal(origin.faults.length, 0)
    }),
  )
  await t.test(`the process lives, ${way}`, async t => {
    t.equal((await answerTo(t, balancer.port, get('/alive'))).status, 200)
  })
}
