// One worker of the drill's service: a plain Fastify service as anybody would write it, which keeps a ledger and can leak.
//
// The ledger is written synchronously: a line is in the kernel's hands before what follows it happens, and survives kill -9.
import { openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import { connectToSupervisor, createServerDrain } from '@plimsoll/supervisor'
import { answerBody, HEALTH_PATH } from '../../upstream/upstream-protocol.ts'
import { KINDS, POST_STEP_MS, SLOW_MS } from '../request-kinds.ts'
import { type LeakSettings, ledgerLine, type Mistake, processName, WORKER_VARIABLES } from './service-protocol.ts'
import { LeakWatch } from './leak-watch.ts'

/** One of so many POSTs meets with each mistake. */
const MISTAKE_EVERY = 20

/** For a balancer that hasn't let go yet; shorter than the supervisor's patience. */
const DRAIN_ACCEPT_MS = 20_000

interface ById {
  readonly Params: { readonly id: string }
}

const link = connectToSupervisor(process)
const name = processName(link)
const mistakes = new Set(variable(WORKER_VARIABLES.mistakes).split(',') as Mistake[])
const leak = JSON.parse(variable(WORKER_VARIABLES.leak)) as LeakSettings
const ledger = openSync(path.join(variable(WORKER_VARIABLES.ledgerFolder), `${name}.log`), 'a')
const watch = new LeakWatch(link, leak)
const retained = new Map<string, readonly number[]>()
let posts = 0

// Longer than the balancer keeps an idle connection, so that it's never the worker who closes one in normal times.
const app = Fastify({ keepAliveTimeout: 120_000 })
const drain = createServerDrain(app.server, () => app.close(), { acceptMs: DRAIN_ACCEPT_MS })
app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body))

app.get(HEALTH_PATH, () => ({ ok: true }))

app.get<ById>(`${KINDS.get.path}:id`, ({ params: { id } }, reply) => {
  done('GET', id)
  return reply.type('text/plain').send(answerBody(id, 'GET', name))
})

app.get<ById>(`${KINDS.slow.path}:id`, async ({ params: { id } }, reply) => {
  await sleep(SLOW_MS)
  done('GET', id)
  return reply.type('text/plain').send(answerBody(id, 'GET', name))
})

app.get<ById>(`${KINDS.stream.path}:id`, async ({ params: { id } }, reply) => {
  done('GET', id)
  const body = answerBody(id, 'GET', name)
  const half = body.length / 2
  const pieces = async function* () {
    yield body.slice(0, half)
    await sleep(SLOW_MS)
    yield body.slice(half)
  }
  return reply
    .type('text/plain')
    .header('content-length', body.length)
    .send(Readable.from(pieces(), { objectMode: false }))
})

app.get<ById>(`${KINDS.leak.path}:id`, ({ params: { id } }, reply) => {
  watch.leaked()
  retained.set(
    id,
    // Doubles: memory that a collection needn't look into, so that many are cheap.
    Array.from({ length: leak.bytesPerRequest / 8 }, () => 0.5),
  )
  done('GET', id)
  return reply.type('text/plain').send(answerBody(id, 'GET', name))
})

app.post<ById & { readonly Body: string }>(
  `${KINDS.post.path}:id`,
  async ({ params: { id }, body: content }, reply) => {
    if (!content.startsWith(`${id} `)) return reply.code(422).send('the body of another request')
    writeSync(ledger, ledgerLine('begun', 'POST', id))
    const turn = ++posts % MISTAKE_EVERY
    await sleep(POST_STEP_MS)
    if (!(turn === 0 && mistakes.has('forget'))) done('POST', id)
    if (turn === 1 && mistakes.has('repeat')) done('POST', id)
    await sleep(POST_STEP_MS)
    return reply.type('text/plain').send(answerBody(id, 'POST', name))
  },
)

function done(method: 'GET' | 'POST', id: string): void {
  writeSync(ledger, ledgerLine('done', method, id))
}

function variable(wanted: string): string {
  return process.env[wanted] ?? ''
}

link.onDrain(async () => {
  watch.close()
  if (mistakes.has('drop')) process.exit(0)
  await drain.drain()
})
await app.listen({ path: link.socketPath ?? path.resolve(`${name}.sock`) })
link.ready()
