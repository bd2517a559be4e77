// The corpus of answers: some hundred things that an endpoint may say, run against the whole balancer. `answer-case.ts` says how a case
// is written. Behind each of them somebody else asks, and has to get his own answer.
import { rawServer, RawPeer, type HttpResponse } from '@plimsoll/testing'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer } from '../strict-origin.ts'
import { check, everyCase } from './every-case.ts'
import type { AnswerCase, Relayed } from './answer-case.ts'
import { CHUNKED_ANSWERS } from './answers/chunked-answers.ts'
import { CONNECTION_ANSWERS } from './answers/connection-answers.ts'
import { EMPTY_ANSWERS } from './answers/empty-answers.ts'
import { FIELD_ANSWERS } from './answers/field-answers.ts'
import { FRAMED_ANSWERS } from './answers/framed-answers.ts'
import { INTERIM_ANSWERS } from './answers/interim-answers.ts'
import { LEFTOVER_ANSWERS } from './answers/leftover-answers.ts'
import { STATUS_LINES } from './answers/status-lines.ts'
import { SWITCHING_ANSWERS } from './answers/switching-answers.ts'

const FAMILIES: Readonly<Record<string, readonly AnswerCase[]>> = {
  'status lines': STATUS_LINES,
  fields: FIELD_ANSWERS,
  framing: FRAMED_ANSWERS,
  chunks: CHUNKED_ANSWERS,
  'answers without content': EMPTY_ANSWERS,
  'interim answers': INTERIM_ANSWERS,
  switching: SWITCHING_ANSWERS,
  connections: CONNECTION_ANSWERS,
  leftovers: LEFTOVER_ANSWERS,
}

/** The case under way: its target, and on which connection it arrived. */
const current = { target: '', connection: -1, script: async (_peer: RawPeer): Promise<void> => {} }
let victimConnection = -1

const server = await rawServer(t, async (peer, index) => {
  try {
    for (;;) {
      const head = (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1')
      const target = head.split(' ')[1] ?? ''
      if (target === current.target) {
        current.connection = index
        await current.script(peer)
      } else {
        victimConnection = index
        await peer.write(answer(`answer to ${target}`))
      }
    }
  } catch {
    peer.end()
  }
})
const balancer = await startBalancer(t, [server.url], ['--retry.count=0', '--health.interval-ms=60000'])
let count = 0

for (const [family, cases] of Object.entries(FAMILIES)) {
  await t.test(`${family}: ${cases.length} cases`, async t => {
    await everyCase(t, cases, run)
  })
}

await t.test('every case has a name of its own, and there are at least a hundred and fifty', async t => {
  const names = Object.values(FAMILIES).flatMap(cases => cases.map(({ name }) => name))
  t.same(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  )
  t.ok(names.length >= 150, `${names.length}`)
})

async function run(given: AnswerCase): Promise<void> {
  const { method = 'GET', version = '1.1', fields = '', outcome } = given
  current.target = `/case-${++count}`
  current.script = peer => say(peer, given)
  const client = await connected()
  try {
    await client.write(`${method} ${current.target} HTTP/${version}\r\nHost: a.test\r\n${fields}\r\n`)
    if (typeof outcome === 'string') await failed(client, outcome, given)
    else if ('cutAfter' in outcome) return await cut(client, outcome.cutAfter)
    else await whole(client, outcome, method)
    if (version === '1.0') {
      check.equal(await client.expectClosed(), 'ended', 'the connection of an HTTP/1.0 client ends')
    } else {
      await client.write('GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n')
      check.equal((await client.readResponse()).body.toString(), 'answer to /next', 'the connection lives')
    }
    check.equal(client.unread.toString('latin1'), '', 'nothing stands behind the answer')
  } finally {
    client.release()
    await victim(given)
  }
}

async function connected(): Promise<RawPeer> {
  const socket = connect({ port: balancer.port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  return new RawPeer(socket)
}

async function say(peer: RawPeer, given: AnswerCase): Promise<void> {
  for (const piece of [given.answer].flat()) {
    await peer.write(piece)
    await nextTurn()
  }
  if (given.behind === 'end') peer.end()
  if (given.behind === 'reset') peer.reset()
}

async function failed(client: RawPeer, outcome: 'invalid' | 'closed', given: AnswerCase): Promise<void> {
  const response = await nextFinal(client, given.method ?? 'GET', [])
  check.equal(response.status, 502)
  check.equal(response.header('connection'), given.version === '1.0' ? 'close' : undefined)
  if (given.method === 'HEAD') return
  const code = outcome === 'invalid' ? 'LB_ERR_UPSTREAM_INVALID' : 'LB_ERR_UPSTREAM_CLOSED'
  check.contains(problemOf(response), { code, source: 'upstream', status: 502 })
}

async function whole(client: RawPeer, wanted: Relayed, method: string): Promise<void> {
  const { status = 200, body = 'ok', trailers = [], interim = [], fields = {} } = wanted
  const interims: number[] = []
  const response = await nextFinal(client, method, interims)
  check.same(interims, interim)
  check.equal(response.status, status)
  check.equal(response.body.toString('latin1'), body)
  check.same(response.trailers, trailers)
  check.equal(response.version, 'HTTP/1.1', 'our version, not the endpoint’s (RFC 9112, 2.3)')
  const names = response.headers.map(([name]) => name.toLowerCase())
  for (const name of ['date', 'x-request-id']) check.equal(names.filter(each => each === name).length, 1, name)
  for (const name of ['keep-alive', 'proxy-connection', 'te'])
    check.notOk(names.includes(name), `${name} goes no further`)
  if (wanted.reason !== undefined) check.equal(response.reason, wanted.reason)
  if (wanted.framing !== undefined) check.equal(response.framing, wanted.framing)
  for (const [name, value] of Object.entries(fields)) check.equal(response.header(name), value ?? undefined, name)
}

async function cut(client: RawPeer, cutAfter: string): Promise<void> {
  await client.expectClosed()
  const text = client.unread.toString('latin1')
  const at = text.indexOf('\r\n\r\n')
  if (at === -1) return
  check.match(text, /^HTTP\/1\.1 200 /)
  const content = text.slice(at + 4).replaceAll(/(^|\r\n)[0-9a-f]+\r\n/g, '')
  check.ok(cutAfter.startsWith(content.replace(/\r\n$/, '')), content)
  check.notMatch(text, /\r\n0\r\n/, 'no last chunk')
  check.equal(text.split('HTTP/1.1 ').length, 2, 'no second answer')
}

/** The next final answer; statuses of interim ones are put into `interims`. */
async function nextFinal(client: RawPeer, method: string, interims: number[]): Promise<HttpResponse> {
  for (;;) {
    const response = await client.readResponse({ method })
    if (response.status >= 200 || response.status === 101) return response
    interims.push(response.status)
  }
}

/** Somebody who knows nothing of all this asks next. */
async function victim({ outcome }: AnswerCase): Promise<void> {
  const client = await connected()
  await client.write(`GET /victim-${count} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
  const response = await client.readResponse()
  check.equal(response.status, 200)
  check.equal(response.body.toString(), `answer to /victim-${count}`)
  client.release()
  const kept = victimConnection === current.connection
  if (typeof outcome === 'string' || 'cutAfter' in outcome)
    check.notOk(kept, 'the endpoint’s connection is not used again')
  else if (outcome.kept !== undefined) check.equal(kept, outcome.kept, outcome.kept ? 'used again' : 'not used again')
}
