import t from 'tap'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

const CREDENTIALS: Record<string, string>[] = [{ authorization: 'Bearer x' }, { cookie: 'a=b' }]

await t.test('what was asked with credentials is stored by nobody', async t => {
  const { app } = await testApp(t, NO_DATABASE, { features: { caching: true } })
  t.match((await app.inject({ url: '/openapi.json' })).headers['cache-control'], /^public, max-age=[1-9]/)
  for (const headers of CREDENTIALS)
    t.equal((await app.inject({ url: '/openapi.json', headers })).headers['cache-control'], 'no-store')
})

await t.test('without caching nothing is stored by anybody', async t => {
  const { app } = await testApp(t, NO_DATABASE, { features: { caching: false } })
  for (const url of ['/openapi.json', '/health', '/nowhere', '/api/courses'])
    for (const headers of [{}, ...CREDENTIALS])
      t.equal((await app.inject({ url, headers })).headers['cache-control'], 'no-store', url)
})
