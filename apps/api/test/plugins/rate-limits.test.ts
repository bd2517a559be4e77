import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { until } from '@plimsoll/testing'
import { NO_DATABASE, probeSchema, testApp, type TestAppOptions } from '../fixture/test-app.ts'

async function statusesOf(
  t: Parameters<typeof testApp>[0],
  options: TestAppOptions,
  headersOf: (count: number) => Record<string, string>,
) {
  const { app } = await testApp(t, NO_DATABASE, options)
  const statuses: number[] = []
  for (let count = 0; count < 32; count += 1)
    statuses.push((await app.inject({ url: '/health/detailed', headers: headersOf(count) })).statusCode)
  return statuses
}

await t.test('an expensive route answers 30 times a minute per address, then says when to come back', async t => {
  const { app } = await testApp(t, NO_DATABASE)
  for (let count = 0; count < 30; count += 1) t.equal((await app.inject({ url: '/health/detailed' })).statusCode, 200)
  const refused = await app.inject({ url: '/health/detailed' })
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
  t.match(refused.json(), { code: 'API_ERR_RATE_LIMITED', retryAfterS: Number(refused.headers['retry-after']) })
  t.equal((await app.inject({ url: '/api/db-test' })).statusCode, 503, 'another route has its own count')
  t.equal((await app.inject({ url: '/health' })).statusCode, 200, 'a cheap one has none')
})

await t.test('addresses that nobody vouches for make no new client', async t => {
  const statuses = await statusesOf(t, {}, count => ({ 'x-forwarded-for': `10.0.0.${count}` }))
  t.same(statuses.slice(-2), [429, 429])
})

await t.test(
  'behind a believed proxy each client has its own count, and can not get another by adding addresses',
  async t => {
    const app = { trustedProxies: ['127.0.0.1'] }
    t.ok(
      (await statusesOf(t, { app }, count => ({ 'x-forwarded-for': `10.0.0.${count % 2}` }))).every(
        status => status === 200,
      ),
      '16 each',
    )
    // What the proxy appends is last; what stands before came from the client.
    const spoofed = await statusesOf(t, { app }, count => ({ 'x-forwarded-for': `192.0.2.${count}, 10.0.0.9` }))
    t.same(spoofed.slice(-2), [429, 429])
  },
)

await t.test('behind a proxy that only the balancer trusts each client has its own count', async t => {
  const { app } = await testApp(t, NO_DATABASE, { limits: { expensive: 3 }, app: { unixSocket: true } })
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-limits-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const socketPath = path.join(folder, 'worker.sock')
  await app.listen({ path: socketPath })
  const ask = (client: string) => {
    const headers = { 'x-forwarded-for': `${client}, 203.0.113.1`, 'x-real-ip': client }
    return new Promise<number | undefined>((resolve, reject) => {
      const request = http.get({ socketPath, path: '/health/detailed', headers, agent: false }, answer => {
        answer.resume().once('end', () => resolve(answer.statusCode))
      })
      request.once('error', reject)
    })
  }
  for (let count = 0; count < 9; count++) t.equal(await ask(`192.0.2.${count % 3}`), 200)
  t.equal(await ask('192.0.2.0'), 429)
  t.equal(await ask('192.0.2.9'), 200)
})

await t.test('development leaves this machine alone, production does not', async t => {
  t.ok((await statusesOf(t, { app: { environment: 'development' } }, () => ({}))).every(status => status === 200))
  t.same((await statusesOf(t, { app: { environment: 'staging' } }, () => ({}))).slice(-1), [429])
})

await t.test('switched off, nobody is counted', async t => {
  const { app } = await testApp(t, NO_DATABASE, { features: { rateLimit: false } })
  for (let count = 0; count < 32; count += 1) {
    const { statusCode, headers } = await app.inject({ url: '/health/detailed' })
    t.equal(statusCode, 200)
    t.same(
      Object.keys(headers).filter(name => name.includes('ratelimit')),
      [],
    )
  }
})

await t.test('answers say what is left, refusals say when, and what is not limited says nothing', async t => {
  const { app, dependencies } = await testApp(t, NO_DATABASE, { limits: { expensive: 2 } })
  const ask = () => app.inject({ url: '/health/detailed' })
  const [first, , third] = [await ask(), await ask(), await ask()]
  t.match(first.headers, { 'ratelimit-policy': '"expensive";q=2;w=60', ratelimit: /^"expensive";r=1;t=\d+$/ })
  t.notOk('retry-after' in first.headers)
  t.match(third.headers, { 'ratelimit-policy': '"expensive";q=2;w=60', ratelimit: /^"expensive";r=0;t=(60|59)$/ })
  t.match(third.headers['retry-after'], /^(60|59)$/)
  t.notOk('ratelimit' in (await app.inject({ url: '/health' })).headers)
  t.match(await dependencies.registry.metrics(), /^api_rate_limited_total\{kind="expensive"\} 1$/m)
})

await t.test('of authentication only what was costly is counted', async t => {
  const { app } = await testApp(t, NO_DATABASE, { limits: { authentication: 3 } })
  app.register((app, _options, done) => {
    const config = { access: 'public', limit: 'authentication' } as const
    app.post('/status', { config, schema: probeSchema }, (request, reply) => {
      void reply.code(Number(request.headers['x-code']) as 200).send({})
    })
    done()
  })
  const statusOf = async (code: number, remoteAddress: string) =>
    (await app.inject({ method: 'POST', url: '/status', remoteAddress, headers: { 'x-code': String(code) } }))
      .statusCode
  for (const code of [200, 400, 401, 413, 503]) {
    for (let i = 0; i < 8; i++) {
      // It's given back when the answer is closed, which may be a moment later than it came.
      await until(async () => (await statusOf(code, `192.0.2.${code % 200}`)) === code, { what: `${code} again` })
    }
  }
  for (const code of [202, 409]) {
    const all = []
    for (let i = 0; i < 4; i++) all.push(await statusOf(code, `198.51.100.${code % 200}`))
    t.same(all, [code, code, code, 429])
  }
})
