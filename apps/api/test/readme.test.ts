import t from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { NO_DATABASE, testApp } from './fixture/test-app.ts'

const root = path.join(import.meta.dirname, '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')

await t.test('the table of routes is the list of the OpenAPI document', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { metricsRoute: true } })
  const { paths } = (await app.inject({ url: '/openapi.json' })).json<{ paths: Record<string, object> }>()
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  )
  const described = Array.from(readme.matchAll(/^\| `((?:GET|POST|PUT|DELETE) [^`]+)`/gm), ([, route]) => route ?? '')
  t.same(described.toSorted(), served.toSorted())
})

await t.test('the table of figures names what a worker exports', async t => {
  const { app, dependencies } = await testApp(t, NO_DATABASE)
  await app.ready()
  const own = dependencies.registry
    .getMetricsAsArray()
    .map(({ name }) => name)
    .filter(name => !/^api_(process|nodejs)_/.test(name))
  const described = Array.from(readme.matchAll(/^\| `((?:api|cache|db)_[a-z_]+)`  ?/gm), ([, name]) => name ?? '')
  t.same(described.toSorted(), own.toSorted())
})

await t.test('the files that it names exist', t => {
  const named = new Set(
    Array.from(readme.matchAll(/`((?:src|test|migrations|seed)\/[\w./-]+)`/g), ([, file]) => file ?? ''),
  )
  t.ok(named.size >= 8)
  for (const file of named) t.ok(existsSync(path.join(root, file)), file)
  t.end()
})
