import t from 'tap'
import { forgottenParts, unmeasuredPlugins } from '../../bench/plugin-parts.ts'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

await t.test('every plugin of the application is a part of the bench, and one that is new is found', async t => {
  const { app } = await testApp(t, NO_DATABASE, { features: { caching: true } })
  app.register(function routesOfNobody() {})
  await app.ready()
  const printed = app.printPlugins()
  t.same(unmeasuredPlugins(printed), ['routesOfNobody'])
  t.same(forgottenParts(printed), [])
})

await t.test('a part whose plugin is gone is found', async t => {
  const { app } = await testApp(t, NO_DATABASE, { features: { caching: true, compression: false } })
  await app.ready()
  t.same(forgottenParts(app.printPlugins()), ['@fastify/compress'])
})
