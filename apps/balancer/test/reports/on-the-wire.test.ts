// Load reports over real sockets: taken from every kind of answer, passed on in none; from checks too; and what they change for requests.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until, type HttpResponse } from '@plimsoll/testing'
import t from 'tap'
import { loadConfig } from '@plimsoll/config'
import { createLogger } from '@plimsoll/telemetry'
import type { EndpointView } from '../../src/admin/admin-views.ts'
import { balancerProgram, createBalancer } from '../../src/index.ts'
import { answerTo, ask, final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin, type Answerer } from '../strict-origin.ts'
import { field, text } from './report-fleet.ts'

const QUIET = ['--health.interval-ms=60000', '--admin-token=secret', '--stall.min-silence-ms=0']
const TRUSTING = [...QUIET, '--reports.from=all']

/** Field lines with the next report in them. */
function reporter() {
  let sequence = 0
  return (figures: Readonly<Record<string, number>> = {}) =>
    `${field(text({ application_utilization: 0.5, ...figures, sequence: ++sequence }))}\r\n`
}

async function views(balancer: { readonly adminUrl: string }): Promise<EndpointView[]> {
  const response = await fetch(`${balancer.adminUrl}/admin/upstreams`, { headers: { authorization: 'Bearer secret' } })
  return (await response.json()) as EndpointView[]
}

async function view(balancer: { readonly adminUrl: string }, url: string): Promise<EndpointView> {
  const found = (await views(balancer)).find(one => one.url === url)
  if (found === undefined) throw new Error(`${url} is not among the endpoints`)
  return found
}

async function metric(balancer: { readonly adminUrl: string }, name: string): Promise<number> {
  const lines = (await (await fetch(`${balancer.adminUrl}/metrics`)).text()).split('\n')
  return Number(lines.find(line => line.startsWith(`${name} `))?.slice(name.length + 1) ?? Number.NaN)
}

/** An answer, and how it's asked for: by GET without more fields unless said. */
interface Kind {
  readonly bytes: () => string
  readonly asked?: string
  readonly fields?: string
}

const SWITCHING = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
const LEAKED = /load-metrics/i

await t.test('a report is taken from every kind of final answer, and passed on in none', async t => {
  const report = reporter()
  const kinds: Readonly<Record<string, Kind>> = {
    '/plain': { bytes: () => answer('x', report()) },
    '/upper': { bytes: () => answer('x', report().replace('endpoint-load-metrics', 'Endpoint-Load-METRICS')) },
    '/twice': { bytes: () => answer('x', report() + report()) },
    '/named': { bytes: () => answer('x', `Connection: endpoint-load-metrics\r\n${report()}`) },
    '/chunked': {
      bytes: () =>
        `HTTP/1.1 200 OK\r\n${report()}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${report()}X-Sum: 1\r\n\r\n`,
    },
    '/head': { bytes: () => `HTTP/1.1 200 OK\r\n${report()}Content-Length: 5\r\n\r\n`, asked: 'HEAD' },
    '/unchanged': { bytes: () => `HTTP/1.1 304 Not Modified\r\n${report()}ETag: "a"\r\n\r\n` },
    '/hints': {
      bytes: () => `HTTP/1.1 103 Early Hints\r\n${report()}Link: </a>\r\n\r\n${answer('x', report())}`,
    },
    '/socket': {
      bytes: () => `HTTP/1.1 101 Switching Protocols\r\n${report()}${SWITCHING}\r\n`,
      fields: `${SWITCHING}Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n`,
    },
    '/wrong': { bytes: () => answer('x', report(), '500 Internal Server Error') },
  }
  const origin = await strictOrigin(t, ({ target }) => kinds[target]?.bytes())
  const balancer = await startBalancer(t, [origin.url], TRUSTING)
  let taken = 0
  for (const [target, { asked = 'GET', fields = '' }] of Object.entries(kinds)) {
    const interim: HttpResponse[] = []
    const { client } = await ask(t, balancer.port, get(target, fields, asked), [])
    const response = await final(client, asked, { interim })
    t.equal(interim.length, target === '/hints' ? 1 : 0)
    for (const { raw } of [...interim, response]) t.notMatch(raw.toString('latin1'), LEAKED, target)
    taken++
    t.equal(await metric(balancer, 'lb_reports_total{result="taken"}'), taken, target)
    if (target === '/chunked') t.match(response.raw.toString('latin1'), /X-Sum: 1/, 'other trailers pass')
  }
})

await t.test('a report is taken from an answer that is tried again elsewhere', async t => {
  const [ill, well] = [reporter(), reporter()]
  const one = await strictOrigin(t, () => answer('', ill(), '503 Service Unavailable'))
  const other = await strictOrigin(t, () => answer('other', well()))
  const balancer = await startBalancer(t, [one.url, other.url], TRUSTING)
  const response = await answerTo(t, balancer.port, get('/'))
  t.equal(response.body.toString(), 'other')
  t.notMatch(response.raw.toString('latin1'), LEAKED)
  for (const { url } of [one, other]) t.match((await view(balancer, url)).reported, { sequence: 1 })
})

await t.test('a report is taken from a hedge that wins, and from one that refuses', async t => {
  for (const refuses of [false, true]) {
    const report = reporter()
    const gate = Promise.withResolvers<void>()
    let arrived = 0
    // The first try waits, the second one doesn't.
    const answerer: Answerer = async () => {
      if (++arrived === 2) return answer('hedge', report(), refuses ? '503 Service Unavailable' : '200 OK')
      await gate.promise
      return answer('first')
    }
    const urls = [(await strictOrigin(t, answerer)).url, (await strictOrigin(t, answerer)).url]
    const balancer = await startBalancer(t, urls, [...TRUSTING, '--retry.hedge-after-ms=20'])
    const asked = answerTo(t, balancer.port, get('/'))
    await until(async () => (await views(balancer)).some(({ reported }) => reported?.sequence === 1), {
      what: 'the report of the hedge',
    })
    gate.resolve()
    const response = await asked
    t.equal(response.body.toString(), refuses ? 'first' : 'hedge')
    t.notMatch(response.raw.toString('latin1'), LEAKED)
  }
})

await t.test('what is not trusted is not passed on either, and an answer of our own has none', async t => {
  const report = reporter()
  const origin = await strictOrigin(t, ({ target }, peer) => {
    if (target === '/ok') return answer('x', report())
    peer.reset()
    return undefined
  })
  const balancer = await startBalancer(t, [origin.url], QUIET)
  for (const target of ['/ok', '/reset']) {
    const response = await answerTo(t, balancer.port, get(target, 'Endpoint-Load-Metrics: TEXT eps=1\r\n'))
    t.notMatch(response.raw.toString('latin1'), LEAKED)
  }
  t.equal((await view(balancer, origin.url)).reported, null, 'a TCP endpoint')
  t.equal(await metric(balancer, 'lb_reports_total{result="untrusted"}'), 1)
})

await t.test('an idle worker on a Unix socket reports in the answers to checks, and says why it gets less', async t => {
  // Not t.testdir(): the path of a socket has to be short.
  const folder = await mkdtemp(path.join(tmpdir(), 'plimsoll-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const [ill, well] = [reporter(), reporter()]
  const worker = (name: string, answerer: Answerer) => strictOrigin(t, answerer, { path: path.join(folder, name) })
  const a = await worker('a', () => answer('', ill({ pressure: 2, loop_delay_p99_seconds: 0.01 })))
  const b = await worker('b', () => answer('', well({ pressure: 0, loop_delay_p99_seconds: 0.01 })))
  const flags = ['--admin-token=secret', '--health.path=/ready', '--strategy=weighted-round-robin']
  const balancer = await startBalancer(t, [a.url, b.url], flags)
  const seen = await until(
    async () => {
      const one = await view(balancer, a.url)
      return one.weight.reportRatio < 1 && one
    },
    { what: 'the weight to be lowered' },
  )
  t.match(seen, {
    reported: { counts: true, pressure: 'critical', loopDelayP99Ms: 10, databaseWaiting: null, databaseHasRoom: true },
    weight: {
      configured: 1,
      effective: 0.4,
      reportRatio: 0.4,
      reportReason: 'reduced to 40 %: memory pressure critical',
    },
  })
  t.ok((seen.reported?.ageMs ?? 99_999) < 3000)
  t.equal(await metric(balancer, `lb_upstream_weight_effective{server="${a.url}"}`), 0.4)
  t.equal(await metric(balancer, `lb_worker_pressure_level{server="${a.url}"}`), 2)
  const before = a.seen.filter(({ target }) => target === '/x').length
  for (let i = 0; i < 14; i++) await answerTo(t, balancer.port, get('/x'))
  t.equal(a.seen.filter(({ target }) => target === '/x').length - before, 4)
})

await t.test('a worker with database waiters goes on with what needs no database', async t => {
  const [busy, free] = [reporter(), reporter()]
  const a = await strictOrigin(t, () => answer('', busy({ db_waiting: 7 })))
  const b = await strictOrigin(t, () => answer('', free({ db_waiting: 0 })))
  const flags = [
    '--admin-token=secret',
    '--reports.from=all',
    '--health.path=/ready',
    '--reports.database-free=/static',
  ]
  const balancer = await startBalancer(t, [a.url, b.url], flags)
  await until(async () => (await view(balancer, a.url)).reported?.databaseHasRoom === false, {
    what: 'the waiters to be noticed',
  })
  const asked = (target: string) => a.seen.filter(one => one.target === target).length
  for (let i = 0; i < 20; i++) await answerTo(t, balancer.port, get('/static/a?b'))
  for (let i = 0; i < 20; i++) await answerTo(t, balancer.port, get('/courses'))
  t.equal(asked('/static/a?b'), 10)
  t.equal(asked('/courses'), 1, 'a tenth of its share')
  const headers = { authorization: 'Bearer secret' }
  const decisions = (await (
    await fetch(`${balancer.adminUrl}/admin/decisions?limit=10`, { headers })
  ).json()) as readonly { kind: string; chosen: string }[]
  t.ok(decisions.some(({ kind, chosen }) => kind === 'database-room' && chosen === b.url))
})

await t.test('reports are taken up and given up by a reload; what was said by whom left is gone', async t => {
  const report = reporter()
  const [one, other] = [await strictOrigin(t, () => answer('', report())), await strictOrigin(t)]
  const base = ['--listen=127.0.0.1:0', '--admin=127.0.0.1:0', '--shutdown.grace-ms=0', ...QUIET]
  let flags: string[] = [`--upstream=${one.url}`]
  const readConfig = () => {
    const loaded = loadConfig(balancerProgram, { env: {}, argv: [...base, ...flags] })
    if (loaded.kind !== 'run') throw new Error('no configuration')
    return loaded.config
  }
  const logger = createLogger({ level: 'silent', name: 'balancer' })
  const balancer = createBalancer(readConfig(), { logger, random: { next: () => 0.5 }, readConfig })
  t.teardown(() => balancer.stop())
  const addresses = await balancer.start()
  const at = { adminUrl: `http://${addresses.admin}` }
  const port = Number(addresses.listen.split(':').at(-1))
  const reload = (...next: string[]) => {
    flags = next
    t.equal(balancer.reload().outcome, 'applied')
  }
  await until(async () => (await view(at, one.url)).available, { what: 'the endpoint to be up' })
  await answerTo(t, port, get('/'))
  t.equal((await view(at, one.url)).reported, null)
  reload(`--upstream=${one.url}`, '--reports.from=all')
  await answerTo(t, port, get('/'))
  t.match((await view(at, one.url)).reported, { sequence: 2, counts: true })
  const utilization = `lb_worker_utilization_ratio{server="${one.url}"}`
  t.equal(await metric(at, utilization), 0.5)
  reload(`--upstream=${one.url}`, '--reports.from=none')
  t.equal((await view(at, one.url)).reported, null)
  reload(`--upstream=${one.url}`, '--reports.from=all', '--reports.expiry-ms=60000')
  await answerTo(t, port, get('/'))
  t.equal(await metric(at, utilization), 0.5)
  reload(`--upstream=${other.url}`, '--reports.from=all', '--reports.expiry-ms=60000')
  t.ok(Number.isNaN(await metric(at, utilization)), 'its series have gone with it')
})
