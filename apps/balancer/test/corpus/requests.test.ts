// The corpus of requests: some hundred raw cases by family, decided by RFC 9110, 9112 and 6455 and not by what other servers do, run
// against the whole balancer as a client would meet it. `request-case.ts` says how a case is written.
import { connect } from 'node:net'
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { RawPeer, type HttpResponse } from '@plimsoll/testing'
import t from 'tap'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin, type SeenRequest } from '../strict-origin.ts'
import { check, everyCase } from './every-case.ts'
import { LISTENING, type Answer, type RequestCase, type Seen } from './request-case.ts'
import { CHUNKS } from './requests/chunks.ts'
import { CONNECTIONS } from './requests/connections.ts'
import { CONTENT_LENGTHS } from './requests/content-lengths.ts'
import { EXPECTATIONS } from './requests/expectations.ts'
import { FIELDS } from './requests/fields.ts'
import { FORWARDING } from './requests/forwarding.ts'
import { HOSTS } from './requests/hosts.ts'
import { LIMITS } from './requests/limits.ts'
import { METHODS } from './requests/methods.ts'
import { PIPELINES } from './requests/pipelines.ts'
import { REQUEST_LINES } from './requests/request-lines.ts'
import { TARGETS } from './requests/targets.ts'
import { TRAILERS } from './requests/trailers.ts'
import { TRANSFER_ENCODINGS } from './requests/transfer-encodings.ts'
import { UPGRADES } from './requests/upgrades.ts'
import { VERSIONS } from './requests/versions.ts'

const FAMILIES: Readonly<Record<string, readonly RequestCase[]>> = {
  'request lines': REQUEST_LINES,
  methods: METHODS,
  targets: TARGETS,
  versions: VERSIONS,
  hosts: HOSTS,
  fields: FIELDS,
  'content lengths': CONTENT_LENGTHS,
  'transfer encodings': TRANSFER_ENCODINGS,
  chunks: CHUNKS,
  trailers: TRAILERS,
  connections: CONNECTIONS,
  upgrades: UPGRADES,
  expectations: EXPECTATIONS,
  forwarding: FORWARDING,
  limits: LIMITS,
  pipelines: PIPELINES,
}

/** The serial of a request at the origin comes back in its answer. */
const origin = await strictOrigin(t, request =>
  request.method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' : answer(`serial ${origin.seen.length}`),
)
const balancer = await startBalancer(t, [origin.url], ['--limits.max-body-bytes=1000000'])

/** Requests that had reached the origin when the last case was over. */
let arrived = 0
const PROBE = 'GET /still-there HTTP/1.1\r\nHost: probe.test\r\n\r\n'

for (const [family, cases] of Object.entries(FAMILIES)) {
  await t.test(`${family}: ${cases.length} cases`, async t => {
    await everyCase(t, cases, run)
  })
}

await t.test('nothing arrived late: the origin saw what was told and not one request more', async t => {
  t.equal(origin.seen.length, arrived)
  t.same(origin.faults, [])
  t.ok(arrived > 0)
})

await t.test('every case has a name of its own, and there are at least three hundred', async t => {
  const names = Object.values(FAMILIES).flatMap(cases => cases.map(({ name }) => name))
  t.same(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  )
  t.ok(names.length >= 300, `${names.length}`)
})

async function run({ send, answers, lives, halfClosed = false }: RequestCase): Promise<void> {
  const before = origin.seen.length
  const socket = connect({ port: balancer.port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  const client = new RawPeer(socket)
  try {
    for (const piece of [send].flat()) {
      // The connection may be closed in the middle of it, which is an answer too.
      await client.write(piece).catch(() => {})
      await nextTurn()
    }
    if (halfClosed) client.end()
    const finals: HttpResponse[] = []
    for (const wanted of answers) finals.push(await nextFinal(client, methodOf(wanted)))
    let serial = before
    for (const [index, wanted] of answers.entries()) {
      const given = finals[index] as HttpResponse
      if (isSeen(wanted)) checkSeen(wanted, origin.seen[serial++], given, serial)
      else checkOwn(wanted, given, !lives && index === answers.length - 1)
    }
    if (lives) {
      await client.write(PROBE)
      check.equal((await nextFinal(client, 'GET')).body.toString(), `serial ${serial + 1}`, 'the connection lives')
      serial++
    } else {
      check.equal(await client.expectClosed(), 'ended', 'the connection ends')
    }
    check.equal(client.unread.toString('latin1'), '', 'nothing stands behind the last answer')
    check.equal(origin.seen.length, serial, 'the origin saw what was told and nothing else')
  } finally {
    arrived = origin.seen.length
    client.release()
  }
}

/** The next final answer; interim ones before it are read over. */
async function nextFinal(client: RawPeer, method: string): Promise<HttpResponse> {
  for (;;) {
    const response = await client.readResponse({ method })
    if (response.status >= 200) return response
  }
}

function isSeen(wanted: Answer): wanted is Seen {
  return typeof wanted === 'object' && !('refusedHead' in wanted)
}

function methodOf(wanted: Answer): string {
  if (isSeen(wanted)) return wanted.method ?? 'GET'
  return typeof wanted === 'number' ? 'GET' : 'HEAD'
}

function checkSeen(wanted: Seen, seen: SeenRequest | undefined, given: HttpResponse, serial: number): void {
  if (seen === undefined) return check.fail('the request did not reach the origin')
  const { method = 'GET', target = '/', host = 'a.test', body = '', trailers = [], framing, fields = {} } = wanted
  check.equal(given.status, 200)
  if (method !== 'HEAD') check.equal(given.body.toString(), `serial ${serial}`, 'its own answer')
  const authority = host === LISTENING ? `127.0.0.1:${balancer.port}` : host
  check.same([seen.method, seen.target, seen.header('host')], [method, target, authority])
  check.equal(seen.body.toString('latin1'), body)
  check.same(seen.trailers, trailers)
  if (framing !== undefined) check.equal(seen.framing, framing)
  for (const [name, value] of Object.entries(fields)) check.equal(seen.header(name), value ?? undefined, name)
}

function checkOwn(wanted: Exclude<Answer, Seen>, given: HttpResponse, isLast: boolean): void {
  const status = typeof wanted === 'number' ? wanted : wanted.refusedHead
  check.equal(given.status, status)
  check.ok(given.header('date'), 'it has a Date')
  check.equal(given.header('connection'), isLast ? 'close' : undefined)
  if (typeof wanted !== 'number' || status < 400) return
  check.equal(given.header('content-type'), 'application/problem+json')
  check.equal((JSON.parse(given.body.toString()) as { status: number }).status, status)
}
