import { leakCheck, rawClient } from '@plimsoll/testing'
import t from 'tap'
import { AdminListeners } from '../../src/admin/admin-listeners.ts'
import { fakeControl } from './fake-control.ts'
import { startAdmin } from './start-admin.ts'

leakCheck(t)

const ANY = { host: '127.0.0.1', port: 0 }

function listeners(): AdminListeners {
  const silent = () => {}
  return new AdminListeners({
    control: fakeControl(),
    token: 'x',
    hosts: [],
    version: '1',
    logger: { info: silent, warn: silent, error: silent },
    clock: { now: () => 0 },
  })
}

await t.test('the second address serves health and metrics under any name, and nothing else', async t => {
  const admin = await startAdmin(t)
  const ask = async (target: string, method = 'GET', fields = '') => {
    const client = await rawClient(t, admin.readOnlyPort)
    void client.write(`${method} ${target} HTTP/1.1\r\nHost: prometheus.example\r\nConnection: close\r\n${fields}\r\n`)
    return client.readResponse({ method })
  }
  for (const path of ['/health', '/metrics']) {
    const response = await ask(path)
    t.equal(response.status, 200, path)
    t.equal(response.header('cache-control'), 'no-store', path)
    t.equal((await ask(path, 'POST')).status, 405, path)
  }
  const token = 'Authorization: Bearer a-token-of-the-test\r\n'
  for (const path of ['/admin', '/admin/config', '/admin/upstreams', '/admin/openapi.json', '/'])
    for (const method of ['GET', 'PATCH', 'POST', 'OPTIONS'])
      t.equal((await ask(path, method, token)).status, 404, `${method} ${path}`)
  t.same(admin.control.changes, [])
})

await t.test('health is 200 while requests are served, panic included, else 503 with the same content', async t => {
  const admin = await startAdmin(t)
  const { control } = admin
  const down = { id: 'a', available: false, why: 'down: 3 checks failed', returnsInMs: 500 }
  for (const [change, status] of [
    [{}, 200],
    [{ panic: true, available: 0 }, 200],
    [{ status: 'draining', draining: true }, 503],
    [{ status: 'no endpoint available', available: 0, endpoints: [down] }, 503],
  ] as const) {
    control.health = { ...control.health, ...change, endpoints: 'endpoints' in change ? [...change.endpoints] : [] }
    for (const url of [admin.url, admin.readOnlyUrl]) {
      const response = await fetch(`${url}/health`, { headers: { connection: 'close' } })
      t.equal(response.status, status)
      t.same(await response.json(), control.health)
    }
  }
})

await t.test('metrics are text, as Prometheus wants it', async t => {
  const admin = await startAdmin(t)
  const { status, headers, text } = await admin.ask('/metrics')
  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(text, 'lb_build_info{version="1"} 1\n')
})

await t.test('without a second address there is none', async t => {
  const it = listeners()
  t.teardown(() => it.close())
  const { admin, readOnly } = await it.listen(ANY, null)
  t.ok(admin > 0)
  t.equal(readOnly, null)
})

await t.test('an address in use is the error of the system, and close leaves nothing open', async t => {
  const taken = await startAdmin(t)
  for (const [first, second] of [
    [{ host: '127.0.0.1', port: taken.port }, null],
    [ANY, { host: '127.0.0.1', port: taken.port }],
  ] as const) {
    const it = listeners()
    await t.rejects(it.listen(first, second), { code: 'EADDRINUSE', port: taken.port })
    await it.close()
  }
})

await t.test('close cuts what is open, and may be called before listening, at once, and again', async t => {
  const never = listeners()
  await never.close()
  const it = listeners()
  const { admin } = await it.listen(ANY, null)
  const half = await rawClient(t, admin)
  await half.write('POST /admin/reload HTTP/1.1\r\nHost: localhost\r\n')
  const kept = await rawClient(t, admin)
  await kept.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await kept.readResponse()
  await Promise.all([it.close(), it.close()])
  await half.expectClosed()
  await kept.expectClosed()
  await it.close()
})
