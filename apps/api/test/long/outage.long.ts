// A real server that's stopped, killed and frozen under an open loop of requests, before two applications that share the machine's cache.
//
// Nobody is to wait: an application ends a request by API_ERR_DEADLINE when its time is over, so that none of those says that all were answered in time. Latencies are
// printed, not judged.
import t from 'tap'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startLocalPostgres } from '@plimsoll/local-postgres'
import { startTemporaryPostgres, until } from '@plimsoll/testing'
import { KINDS } from '../../src/cache/kinds.ts'
import { runCommand } from '../../src/database/commands.ts'
import { CourseParams } from '../../src/resources/courses/schema.ts'
import { NO_CACHE, probeSchema, testApp } from '../fixture/test-app.ts'

t.setTimeout(180_000)

/** Of every request: what the product promises, 0.8 s of which tell a frozen database from a slow one. */
const LIMIT_MS = 1000
const RATE_PER_S = 100
const AWAY_MS = 4000

interface Answer {
  readonly kind: 'cached' | 'stale' | 'cold'
  readonly status: number
  readonly code: string
  readonly isStale: boolean
  readonly retryAfter: string | undefined
  readonly durationMs: number
}

const temporary = await startTemporaryPostgres()
t.teardown(() => temporary.stop())
let { server } = temporary
const { url, folder, port: serverPort } = server
const database = { url: new URL('/plimsoll', url).href, connectTimeoutS: 10 }
const config = { environment: 'development', size: 'small', progress: 'text', advise: false, database } as const
await runCommand('migrate', config, () => {})
await runCommand('seed', config, () => {})

const cacheFolder = await mkdtemp(path.join(tmpdir(), 'api-outage-'))
t.teardown(() => rm(cacheFolder, { recursive: true, force: true }))
const ports = [await startApp(), await startApp()] as const

const agent = new Agent({ keepAlive: true, maxSockets: 500 })
t.teardown(() => agent.destroy())
let answers: Answer[] = []
let asked = 0
const ending = new AbortController()
const pending = new Set<Promise<void>>()
const loop = openLoop()
t.teardown(async () => {
  ending.abort()
  await loop
})

async function startApp(): Promise<number> {
  const { app, dependencies } = await testApp(t, url, {
    app: { handlerTimeoutMs: LIMIT_MS },
    probe: { intervalMs: 10_000, downAfter: 3, timeoutMs: 3000 },
    cache: { ...NO_CACHE, machine: true, folder: cacheFolder },
  })
  const titles = dependencies.database.loader<{ id: number; title: string }>({
    name: 'test.titles',
    idOf: row => row.id,
    query: ids => dependencies.database.sql`select id, title from courses where id = any(${ids}::bigint[])`,
  })
  const brief = dependencies.cache.namespace<{ id: number; title: string } | null>('test.titles', {
    ...KINDS.courses,
    ttlMs: 200,
    staleWhileRevalidateMs: 100,
    load: ({ key, signal }) => titles(Number(key), signal),
  })
  app.register((app, _options, done) => {
    const schema = { ...probeSchema, params: CourseParams }
    app.get<{ Params: { id: number } }>(
      '/titles/:id',
      { schema, config: { access: 'public', caching: 'courses' } },
      asking => brief.getOrLoad(String(asking.params.id), undefined, asking.caller),
    )
    done()
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return (app.server.address() as AddressInfo).port
}

function get(kind: Answer['kind'], address: string): Promise<void> {
  const startedAtMs = performance.now()
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: ports[asked % 2], path: address, agent }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response
        answers.push({
          kind,
          status,
          code: status === 200 ? '' : (JSON.parse(body) as { code: string }).code,
          isStale: /; ttl=-/.test(String(headers['cache-status'])),
          retryAfter: headers['retry-after'],
          durationMs: performance.now() - startedAtMs,
        })
        resolve()
      })
    })
      .on('error', reject)
      .end()
  })
}

/** Requests come at their times, whatever has become of those before: one kind after the other, by turns to each application. */
async function openLoop(): Promise<void> {
  const startedAtMs = performance.now()
  const kinds = [
    ['cached', () => '/api/courses/1'],
    ['stale', () => `/titles/${1 + (Math.floor(asked / 6) % 5)}`],
    ['cold', () => `/api/courses?limit=1&cursor=${Buffer.from(`1700000000000:${asked + 1}`).toString('base64url')}`],
  ] as const
  while (!ending.signal.aborted) {
    await pause(Math.max(0, startedAtMs + (asked * 1000) / RATE_PER_S - performance.now()))
    const [kind, address] = kinds[asked % 3] ?? kinds[0]
    const answered = get(kind, address())
    pending.add(answered)
    void answered.finally(() => pending.delete(answered))
    asked++
  }
  await Promise.all(pending)
}

/** Everything that was asked from now on until `ms` later, and the answers to all of it. */
async function answersOf(ms: number): Promise<readonly Answer[]> {
  await Promise.all(pending)
  answers = []
  await pause(ms)
  const begun = [...pending]
  const seen = answers
  await Promise.all(begun)
  return seen
}

function describe(seen: readonly Answer[]): string {
  const groups = Map.groupBy(seen, ({ kind, status, code, isStale }) =>
    `${kind} ${status}${isStale ? ' stale' : ''} ${code}`.trim(),
  )
  return Array.from(groups, ([name, group]) => {
    const ms = group.map(({ durationMs }) => durationMs).toSorted((one, other) => one - other)
    const at = (share: number) => (ms[Math.min(ms.length - 1, Math.floor(share * ms.length))] ?? 0).toFixed(0)
    return `${name}: ${group.length}, p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms`
  }).join('; ')
}

/** The server's processes: the first one and its children. */
function serverProcesses(): number[] {
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(server.pid)], { encoding: 'utf8' })
  return [server.pid, ...children.trim().split(/\s+/).map(Number)]
}

async function startAgain(): Promise<void> {
  server = await startLocalPostgres({ folder, port: serverPort, durability: 'off', stopOnExit: true })
  t.teardown(() => server.stop('immediate'))
}

const FAULTS = {
  stopped: { begin: () => server.stop('fast'), end: startAgain },
  killed: {
    begin: async () => {
      process.kill(server.pid, 'SIGKILL')
      await server.exited
    },
    end: startAgain,
  },
  frozen: {
    begin: () => Promise.resolve(serverProcesses().forEach(pid => process.kill(pid, 'SIGSTOP'))),
    end: () => Promise.resolve(serverProcesses().forEach(pid => process.kill(pid, 'SIGCONT'))),
  },
}

// What's compiled and cached by then isn't what these tests are about.
await until(() => answers.filter(({ status }) => status === 200).length >= 5 * RATE_PER_S, {
  what: 'a warm start',
  timeoutMs: 60_000,
})

for (const [name, { begin, end }] of Object.entries(FAULTS))
  await t.test(
    `a server that is ${name}: everybody is answered in time, what is cached goes on, all is well afterwards`,
    async t => {
      const began = begin()
      const away = await answersOf(AWAY_MS)
      await began
      t.comment(`${name}: ${describe(away)}`)
      t.equal(away.filter(({ code }) => code === 'API_ERR_DEADLINE').length, 0, 'nobody ran out of time')
      t.same(new Set(away.map(({ status }) => status)), new Set([200, 503]))
      for (const { kind, status, code, retryAfter } of away) {
        if (kind !== 'cold') t.equal(status, 200, kind)
        if (status === 503) t.match({ code, retryAfter }, { code: 'API_ERR_DATABASE_UNAVAILABLE', retryAfter: '1' })
      }
      t.ok(away.filter(({ isStale }) => isStale).length > ((AWAY_MS / 1000) * RATE_PER_S) / 6, 'stale ones say so')
      await end()
      await until(
        async () => {
          const seen = await answersOf(300)
          return seen.length > 0 && seen.every(({ status }) => status === 200)
        },
        { what: 'nothing but answers', timeoutMs: 20_000 },
      )
      const after = await answersOf(1000)
      t.comment(`afterwards: ${describe(after)}`)
      t.same([...new Set(after.map(({ status }) => status))], [200])
    },
  )
