import t from 'tap'
import type { TestScope } from '@plimsoll/testing'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

async function appWithProbe(t: TestScope, trustedProxies: string[]) {
  const tested = await testApp(t, NO_DATABASE, { app: { trustedProxies } })
  tested.app.register((app, _options, done) => {
    app.get('/probe', { schema: probeSchema, config: { access: 'public' } }, () => ({}))
    done()
  })
  const ask = async (url: string, priority?: string) => {
    const headers = priority === undefined ? {} : { 'x-request-priority': priority }
    return (await tested.app.inject({ url, headers })).statusCode
  }
  return { ...tested, ask }
}

await t.test('who is refused follows from the priority that a trusted peer gives', async t => {
  const { ask, dependencies } = await appWithProbe(t, ['127.0.0.1'])
  const statuses = async () =>
    Promise.all(
      ['low', 'normal', 'high', 'critical', undefined, 'constructor'].map(priority => ask('/probe', priority)),
    )

  t.same(await statuses(), [200, 200, 200, 200, 200, 200])
  dependencies.admission.admitFrom('normal')
  t.same(await statuses(), [503, 200, 200, 200, 200, 200], 'what says no priority is normal')
  dependencies.admission.admitFrom('critical')
  t.same(await statuses(), [503, 503, 503, 200, 503, 503])
  t.equal(await ask('/health/live'), 200, 'health checks are always answered')
  dependencies.admission.admitFrom('low')
  t.same(await statuses(), [200, 200, 200, 200, 200, 200])
})

await t.test('a stranger can not make a request critical', async t => {
  const { ask, dependencies } = await appWithProbe(t, [])
  dependencies.admission.admitFrom('critical')
  t.equal(await ask('/probe', 'critical'), 503)
})

await t.test('a refusal says what, and when to come again, and is no line in the error log', async t => {
  const { app, dependencies, logged } = await appWithProbe(t, [])
  dependencies.admission.admitFrom('critical')
  const answer = await app.inject({ url: '/probe' })
  t.match(answer.json(), { code: 'API_ERR_OVERLOADED', status: 503, title: String })
  t.match(answer.headers, { 'retry-after': '3', 'cache-control': 'no-store' })
  t.same(
    logged.filter(({ level, msg }) => level === 'error' && !/database/.test(String(msg))),
    [],
  )
})
