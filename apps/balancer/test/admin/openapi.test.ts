import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { ADMIN_ERRORS } from '../../src/admin/admin-errors.ts'
import { createAdminApp } from '../../src/admin/admin-app.ts'
import { fakeControl } from './fake-control.ts'

interface Document {
  openapi: string
  info: { version: string }
  paths: Record<
    string,
    Record<string, { summary: string; tags: string[]; security?: object[]; responses: Record<string, unknown> }>
  >
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
}

function adminApp(t: Test) {
  const silent = () => {}
  const token = randomBytes(8).toString('hex')
  const app = createAdminApp({
    control: fakeControl(),
    token,
    hosts: [],
    version: '1.2.3',
    logger: { info: silent, warn: silent, error: silent },
    clock: { now: () => 0 },
  })
  t.teardown(() => app.close())
  const document = async () => {
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const headers = { authorization: `Bearer ${token}`, connection: 'close' }
    return (await (await fetch(`${url}/admin/openapi.json`, { headers })).json()) as Document
  }
  return { app, document }
}

await t.test('the document lists every route that is served, and nothing else', async t => {
  const { app, document } = adminApp(t)
  const served: string[] = []
  app.addHook('onRoute', ({ method, url }) => {
    if (method !== 'HEAD') served.push(`${String(method).toLowerCase()} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
  })
  const { paths } = await document()
  const listed = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map(name => `${name} ${path}`))
  t.same(listed.toSorted(), served.toSorted())
  t.ok(served.length >= 12)
})

await t.test('every operation has a summary, a tag, a good answer, its errors, and below /admin the token', async t => {
  const { openapi, info, paths, components } = await adminApp(t).document()
  t.equal(openapi, '3.1.0')
  t.equal(info.version, '1.2.3')
  t.ok(components.schemas['Problem'])
  t.match(components.securitySchemes, { token: { type: 'http', scheme: 'bearer' } })
  for (const [path, methods] of Object.entries(paths)) {
    const guarded = path.startsWith('/admin/')
    for (const [method, operation] of Object.entries(methods)) {
      const what = `${method} ${path}`
      t.ok(operation.summary && operation.tags.length > 0 && operation.responses['200'], what)
      t.ok(operation.responses['421'] && operation.responses['500'], what)
      t.equal(operation.security !== undefined, guarded, what)
      t.equal(operation.responses['401'] !== undefined, guarded, what)
      t.equal(operation.responses['415'] !== undefined, method !== 'get', what)
    }
  }
  t.match(paths['/admin/upstreams/{id}']?.['patch']?.responses['404'], {
    description: /LB_ERR_ADMIN_NO_SUCH_UPSTREAM/,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  })
})

await t.test('a route that is not documented stops the start', async t => {
  for (const schema of [undefined, {}, { summary: 'x', response: {} }, { summary: 'x', tags: [], response: {} }]) {
    const { app } = adminApp(t)
    t.throws(() => app.get('/forgotten', schema ? { schema } : {}, () => ({})), { message: /GET \/forgotten/ })
  }
})

await t.test('every code is one of ours, with a status, a sentence and a remedy', async t => {
  for (const [code, { status, message, remedy }] of Object.entries(ADMIN_ERRORS)) {
    t.match(code, /^LB_ERR_ADMIN_[A-Z_]+$/)
    t.ok(status >= 400 && status < 600 && message.length > 10, code)
    t.match(remedy, /\.$/, code)
  }
})

await t.test('the page about this API has every code with its status, and every route', async t => {
  const page = await readFile(new URL('../../docs/admin.md', import.meta.url), 'utf8')
  for (const [code, { status }] of Object.entries(ADMIN_ERRORS))
    t.match(page, new RegExp(`^\\| \`${code}\` +\\| ${status} `, 'm'), code)
  t.equal(page.match(/^\| `LB_ERR_/gm)?.length, Object.keys(ADMIN_ERRORS).length, 'and no other code')
  const { paths } = await adminApp(t).document()
  for (const [path, methods] of Object.entries(paths))
    for (const method of Object.keys(methods)) {
      const route = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`
      const short = route.replace('/admin/upstreams/', '.../upstreams/')
      t.ok(page.includes(`\`${route}`) || page.includes(`\`${short}`), route)
    }
})
