// What each route does with the balancer behind it, and that its answers are what the document says.
import { leakCheck } from '@plimsoll/testing'
import t from 'tap'
import { Compile } from 'typebox/compile'
import * as views from '../../src/admin/admin-views.ts'
import { FIRST, SECOND } from './fake-control.ts'
import { startAdmin } from './start-admin.ts'

leakCheck(t)

const first = `/admin/upstreams/${encodeURIComponent(FIRST)}`

await t.test('pools, endpoints and one endpoint are shown as the balancer says', async t => {
  const { ask, control } = await startAdmin(t)
  t.same((await ask('/admin/pools')).json, control.endpoints.pools())
  t.same((await ask('/admin/upstreams')).json, control.endpoints.endpoints())
  t.same((await ask(first)).json, control.endpoints.endpoint(FIRST))
  const missing = await ask('/admin/upstreams/nobody')
  t.equal(missing.status, 404)
  t.match(missing.json, { code: 'LB_ERR_ADMIN_NO_SUCH_UPSTREAM', detail: /percent-encode/ })
})

await t.test('the fake views are what the schemas say, so the tests compare with the truth', async t => {
  const { control } = await startAdmin(t)
  const { endpoints, decisions } = control
  t.ok(Compile(views.HealthViewSchema).Check(control.status.health()))
  t.ok(endpoints.pools().every(view => Compile(views.PoolViewSchema).Check(view)))
  t.ok(endpoints.endpoints().every(view => Compile(views.EndpointViewSchema).Check(view)))
  t.ok(decisions.latest(10).every(view => Compile(views.DecisionViewSchema).Check(view)))
  t.notOk(Compile(views.EndpointViewSchema).Check({ ...endpoints.endpoint(FIRST), slowStart: { ratio: 2 } }))
})

await t.test('an operator changes weight and state, each by itself, and gives the word back with null', async t => {
  const { ask, lines } = await startAdmin(t)
  const change = async (body: object) => {
    const answer = await ask(first, { method: 'PATCH', body })
    t.equal(answer.status, 200, JSON.stringify(body))
    return answer.json
  }
  t.match(await change({ state: 'draining' }), { administrative: { operator: 'draining', effective: 'draining' } })
  t.match(await change({ weight: 1000 }), { weight: { operator: 1000 }, administrative: { operator: 'draining' } })
  t.match(await change({ state: 'ready', weight: 1 }), {
    weight: { operator: 1 },
    administrative: { operator: 'ready' },
  })
  t.match(await change({ state: null }), { administrative: { operator: null, effective: 'ready' } })
  t.match(await change({ weight: null }), { weight: { operator: null, effective: 1 } })
  t.match((await ask(first)).json, { weight: { operator: null } })
  t.equal(lines.length, 5, 'each change is a line of the log')
  t.match(lines[0], { level: 'info', facts: { endpoint: FIRST, change: { state: 'draining' }, address: '127.0.0.1' } })
  t.equal((await ask('/admin/upstreams/nobody', { method: 'PATCH', body: { state: null } })).status, 404)
  t.equal(lines.length, 5, 'what changed nothing is none')
})

await t.test('all endpoints are drained and freed at once', async t => {
  const { ask, control } = await startAdmin(t)
  const drained = await ask('/admin/upstreams', { method: 'PATCH', body: { state: 'draining' } })
  t.match(drained.json, [
    { id: FIRST, administrative: { effective: 'draining' } },
    { id: SECOND, administrative: { effective: 'draining' } },
  ])
  await ask('/admin/upstreams', { method: 'PATCH', body: { state: null } })
  t.ok(control.endpoints.endpoints().every(view => view.administrative.operator === null))
})

await t.test(
  'a change that is not valid changes nothing, and the answer names field and rule, not the value',
  async t => {
    const { ask, control } = await startAdmin(t)
    for (const [path, body, field, message] of [
      [first, {}, 'body', /fewer than 1/],
      [first, [], 'body', /object/],
      [first, { weight: 0 }, 'body.weight', />= 1/],
      [first, { weight: 1001 }, 'body.weight', /<= 1000/],
      [first, { weight: 1.5 }, 'body.weight', /integer/],
      [first, { weight: '5' }, 'body.weight', /integer/],
      [first, { weight: true }, 'body.weight', /integer/],
      [first, { state: 'drain<ed' }, 'body.state', /must be one of: ready,draining/],
      [first, { state: 'ready', wieght: 3 }, 'body.wieght', /not known/],
      ['/admin/upstreams', {}, 'body.state', /required/],
      ['/admin/upstreams', { state: 'ready', weight: 3 }, 'body.weight', /not known/],
      ['/admin/reload', { force: true }, 'body.force', /not known/],
    ] as const) {
      const what = `${path} ${JSON.stringify(body)}`
      const answer = await ask(path, { method: path === '/admin/reload' ? 'POST' : 'PATCH', body })
      t.equal(answer.status, 400, what)
      t.match(answer.json, { code: 'LB_ERR_ADMIN_INVALID', issues: [{ field, message }] }, what)
      t.notOk(answer.text.includes('drain<ed'), what)
    }
    t.same(control.changes, [])
  },
)

await t.test('many unknown keys make a bounded answer', async t => {
  const { ask } = await startAdmin(t)
  const body = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${'k'.repeat(20)}${i}`, 1]))
  const answer = await ask(first, { method: 'PATCH', body })
  t.equal(answer.status, 400)
  t.equal((answer.json as { issues: unknown[] }).issues.length, 20)
})

await t.test(
  'a request is explained by all of its tries; one that is not kept is 404 and says how many are',
  async t => {
    const { ask, control } = await startAdmin(t)
    const explained = await ask('/admin/explain?request-id=a-1')
    t.same(explained.json, { requestId: 'a-1', tries: control.decisions.find('a-1') })
    const gone = await ask('/admin/explain?request-id=zz')
    t.equal(gone.status, 404)
    t.match(gone.json, { code: 'LB_ERR_ADMIN_NO_DECISION', detail: /among the last 1000 decisions/ })
    for (const query of ['', '?request-id=', `?request-id=${'x'.repeat(129)}`, '?request-id=a&request-id=b', '?id=a-1'])
      t.match((await ask(`/admin/explain${query}`)).json, { code: 'LB_ERR_ADMIN_INVALID' }, query)
  },
)

await t.test('decisions come newest first, as many as asked for', async t => {
  const { ask, control } = await startAdmin(t)
  const all = control.decisions.latest(3)
  t.same((await ask('/admin/decisions')).json, all)
  t.same((await ask('/admin/decisions?limit=2')).json, all.slice(0, 2))
  t.equal((await ask('/admin/decisions?limit=200')).status, 200)
  for (const limit of ['0', '201', '-1', '1.5', '1e1', '01', ' 1', '', 'x', '1&limit=2'])
    t.match((await ask(`/admin/decisions?limit=${limit}`)).json, { code: 'LB_ERR_ADMIN_INVALID' }, limit)
})

await t.test('the configuration is shown as the balancer gives it', async t => {
  const { ask } = await startAdmin(t)
  t.same((await ask('/admin/config')).json, { listen: '127.0.0.1:8080', adminToken: '•••' })
})

await t.test('a reload says what became of it; a refused one is a problem with every reason', async t => {
  const { ask, control, lines } = await startAdmin(t)
  t.same((await ask('/admin/reload', { method: 'POST' })).json, { outcome: 'applied' })
  control.reload = () => Promise.resolve({ outcome: 'unchanged', problems: [] })
  t.same((await ask('/admin/reload', { method: 'POST', body: {} })).json, { outcome: 'unchanged' })
  control.reload = () => Promise.resolve({ outcome: 'refused', problems: ['limits.maxHeaders: 0 is below 1', 'b'] })
  const refused = await ask('/admin/reload', { method: 'POST' })
  t.equal(refused.status, 422)
  t.match(refused.json, {
    code: 'LB_ERR_ADMIN_RELOAD_REFUSED',
    issues: [{ field: 'configuration', message: 'limits.maxHeaders: 0 is below 1' }, { message: 'b' }],
  })
  t.same(
    lines.map(line => line.facts['outcome']),
    ['applied', 'unchanged', 'refused'],
  )
})

await t.test('an answer can be read without tools: it has lines, and ends with one', async t => {
  const { ask } = await startAdmin(t)
  t.match((await ask('/admin/pools')).text, /^\[\n  \{\n    "name": "default",\n[^]*\]\n$/)
})
