import t from 'tap'
import { NO_DATABASE, testApp, type TestAppOptions } from '../fixture/test-app.ts'

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

await t.test('development leaves this machine alone, production does not', async t => {
  t.ok((await statusesOf(t, { app: { environment: 'development' } }, () => ({}))).every(status => status === 200))
  t.same((await statusesOf(t, { app: { environment: 'staging' } }, () => ({}))).slice(-1), [429])
})

await t.test('switched off, nobody is counted', async t => {
  t.ok((await statusesOf(t, { features: { rateLimit: false } }, () => ({}))).every(status => status === 200))
  const { app } = await testApp(t, NO_DATABASE, { features: { rateLimit: false } })
  const { headers } = await app.inject({ url: '/health/detailed' })
  t.same(
    Object.keys(headers).filter(name => name.includes('ratelimit')),
    [],
  )
})
