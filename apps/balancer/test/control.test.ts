// The admin API over the real balancer: what it shows is so, and what it changes counts for the very next request.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { loadConfig } from '@plimsoll/config'
import { createLogger } from '@plimsoll/telemetry'
import { balancerProgram, createBalancer } from '../src/index.ts'
import { answerTo, get, problemOf } from './conversation.ts'
import { startBalancer, type RunningBalancer } from './start-balancer.ts'
import { answer, strictOrigin } from './strict-origin.ts'

const TOKEN = ['--admin-token=secret']
const QUIET = [...TOKEN, '--health.interval-ms=60000']

async function admin(balancer: Pick<RunningBalancer, 'adminUrl'>, target: string, method = 'GET', body?: object) {
  const response = await fetch(`${balancer.adminUrl}/admin${target}`, {
    method,
    headers: { authorization: 'Bearer secret', ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: response.status, body: (await response.json()) as never }
}
const idOf = (url: string) => encodeURIComponent(url)

await t.test('an endpoint is drained and brought back; the very next pick sees it', async t => {
  const [one, other] = [await strictOrigin(t), await strictOrigin(t)]
  const balancer = await startBalancer(t, [one.url, other.url], QUIET)
  const drained = await admin(balancer, `/upstreams/${idOf(one.url)}`, 'PATCH', { state: 'draining' })
  t.match(drained.body, {
    available: false,
    why: /^draining/,
    administrative: { discovered: 'ready', operator: 'draining', effective: 'draining' },
  })
  for (let i = 0; i < 4; i++) await answerTo(t, balancer.port, get('/'))
  t.equal(one.seen.length, 0)
  await admin(balancer, `/upstreams/${idOf(one.url)}`, 'PATCH', { state: null })
  for (let i = 0; i < 4; i++) await answerTo(t, balancer.port, get('/'))
  t.equal(one.seen.length, 2)
  await admin(balancer, '/upstreams', 'PATCH', { state: 'draining' })
  const refused = await answerTo(t, balancer.port, get('/'))
  t.equal(refused.status, 503)
  t.match(problemOf(refused)['detail'], /2 draining/)
})

await t.test('a weight counts from the very next pick on', async t => {
  const [one, other] = [await strictOrigin(t), await strictOrigin(t)]
  const flags = [...QUIET, '--strategy=weighted-round-robin']
  const balancer = await startBalancer(t, [one.url, other.url], flags)
  t.match((await admin(balancer, `/upstreams/${idOf(one.url)}`, 'PATCH', { weight: 9 })).body, {
    weight: { configured: 1, operator: 9, effective: 9 },
  })
  for (let i = 0; i < 10; i++) await answerTo(t, balancer.port, get('/'))
  t.equal(one.seen.length, 9)
})

await t.test('a request is explained: who could take it, by which figures, and what came of it', async t => {
  const ill = await strictOrigin(t, () => answer('', '', '503 Service Unavailable'))
  const well = await strictOrigin(t)
  const out = await strictOrigin(t)
  const flags = [...QUIET, '--trusted-proxies=127.0.0.1', '--strategy=round-robin']
  const balancer = await startBalancer(t, [ill.url, well.url, out.url], flags)
  await admin(balancer, `/upstreams/${idOf(out.url)}`, 'PATCH', { state: 'draining' })
  const response = await answerTo(t, balancer.port, get('/', 'X-Request-Id: explained-1\r\n'))
  t.equal(response.status, 200)
  t.match((await admin(balancer, '/explain?request-id=explained-1')).body, {
    requestId: 'explained-1',
    tries: [
      {
        tryNumber: 1,
        strategy: 'round-robin',
        kind: 'picked',
        chosen: ill.url,
        candidates: [
          { id: ill.url, score: 0, weight: 1, activeRequests: 0 },
          { id: well.url, score: 1 },
        ],
        leftOut: [{ id: out.url, why: /^draining/ }],
        outcome: { status: 0, end: 'retried', errorDetail: 'The endpoint answered 503.' },
      },
      {
        tryNumber: 2,
        chosen: well.url,
        leftOut: [{ id: ill.url, why: 'tried before' }, { id: out.url }],
        outcome: { status: 200, end: 'answered', errorCode: null },
      },
    ],
  })
  t.equal((await admin(balancer, '/explain?request-id=nobody')).status, 404)
})

await t.test('the cause of each 5xx is there', async t => {
  const gone = await strictOrigin(t, (_request, peer) => {
    peer.reset()
    return undefined
  })
  const balancer = await startBalancer(t, [gone.url], [...QUIET, '--trusted-proxies=127.0.0.1'])
  const fields = 'X-Request-Id: failed-1\r\nContent-Length: 0\r\n'
  t.equal((await answerTo(t, balancer.port, get('/', fields, 'POST'), 'POST')).status, 502)
  t.match((await admin(balancer, '/explain?request-id=failed-1')).body, {
    tries: [
      {
        chosen: gone.url,
        outcome: {
          status: 502,
          end: 'refused',
          errorCode: 'LB_ERR_UPSTREAM_CLOSED',
          cause: 'ECONNRESET',
          notRetriedBecause: 'not-idempotent',
        },
      },
    ],
  })
  await gone.close()
  t.equal((await answerTo(t, balancer.port, get('/', 'X-Request-Id: failed-2\r\n'))).status, 502)
  t.match((await admin(balancer, '/explain?request-id=failed-2')).body, {
    tries: [{ outcome: { errorCode: 'LB_ERR_UPSTREAM_CONNECT', cause: 'ECONNREFUSED' } }],
  })
  t.equal((await answerTo(t, balancer.port, get('/', 'X-Request-Id: failed-3\r\n'))).status, 503)
  t.match((await admin(balancer, '/explain?request-id=failed-3')).body, {
    tries: [{ kind: 'none', chosen: null, leftOut: [{ id: gone.url, why: /^down/ }] }],
  })
  t.match((await admin(balancer, '/decisions?limit=1')).body, [{ requestId: 'failed-3' }])
})

await t.test('the configuration can be seen, without secrets, and reloaded', async t => {
  const [one, other] = [await strictOrigin(t), await strictOrigin(t)]
  const file = path.join(t.testdir(), 'balancer.json')
  const write = (...urls: string[]) => writeFile(file, JSON.stringify({ upstream: urls.map(url => ({ url })) }))
  await write(one.url)
  const argv = ['--config', file, '--listen=127.0.0.1:0', '--admin=127.0.0.1:0', '--shutdown.grace-ms=0', ...QUIET]
  const files = new Map([[file, await readFile(file, 'utf8')]])
  const readConfig = () => {
    const loaded = loadConfig(balancerProgram, { env: {}, argv, readFile: name => files.get(name) ?? '' })
    if (loaded.kind !== 'run') throw new Error('no configuration')
    return loaded.config
  }
  const logger = createLogger({ level: 'silent', name: 'balancer' })
  const balancer = createBalancer(readConfig(), { logger, random: { next: () => 0.5 }, readConfig })
  t.teardown(() => balancer.stop())
  const addresses = await balancer.start()
  const at = { adminUrl: `http://${addresses.admin}` }
  const seen = await admin(at, '/config')
  t.match(seen.body, { upstream: [{ url: one.url }] })
  t.notMatch(JSON.stringify(seen.body), /"secret"/)
  t.match((await admin(at, '/reload', 'POST', {})).body, { outcome: 'unchanged' })
  files.set(file, JSON.stringify({ upstream: [{ url: one.url }, { url: other.url }] }))
  t.match((await admin(at, '/reload', 'POST', {})).body, { outcome: 'applied' })
  t.equal((await admin(at, '/upstreams')).body['length'], 2)
  files.set(file, '{ "upstream": [{ "url": "ftp://x" }] }')
  const refused = await admin(at, '/reload', 'POST', {})
  t.equal(refused.status, 422)
  t.match(JSON.stringify(refused.body), /ftp:\/\/x/)
  t.equal((await admin(at, '/upstreams')).body['length'], 2)
})

await t.test('without a token one is generated', async t => {
  const origin = await strictOrigin(t)
  const loaded = loadConfig(balancerProgram, {
    env: {},
    argv: [
      '--listen=127.0.0.1:0',
      '--admin=127.0.0.1:0',
      '--admin-read-only=127.0.0.1:0',
      `--upstream=${origin.url}`,
      '--shutdown.grace-ms=0',
    ],
  })
  if (loaded.kind !== 'run') throw new Error('no configuration')
  const logger = createLogger({ level: 'silent', name: 'balancer' })
  const balancer = createBalancer(loaded.config, { logger, random: { next: () => 0.5 } })
  t.teardown(() => balancer.stop())
  const { admin: address, adminReadOnly, generatedAdminToken } = await balancer.start()
  const asked = (authorization: string) => fetch(`http://${address}/admin/pools`, { headers: { authorization } })
  t.match(generatedAdminToken, /^[\w-]{43}$/)
  t.equal((await asked(`Bearer ${generatedAdminToken}`)).status, 200)
  t.equal((await asked('Bearer ')).status, 401)
  t.equal((await fetch(`http://${adminReadOnly}/metrics`)).status, 200)
  t.equal((await fetch(`http://${adminReadOnly}/admin/pools`)).status, 404)
})
