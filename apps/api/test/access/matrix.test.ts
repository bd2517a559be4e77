// Every route of the running service, asked by everybody that there is: who is let in and who isn't. The routes are those that were registered, not a list of ours, and
// the README's table of rights has to have each of them.
import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import t from 'tap'
import type { InjectOptions } from 'fastify'
import type { Access } from '../../src/plugins/access.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { signedIn } from '../fixture/sign-in.ts'
import { testApp } from '../fixture/test-app.ts'

const OPERATOR_TOKEN = 'a-token-of-operators'

interface LiveRoute {
  readonly method: NonNullable<InjectOptions['method']>
  readonly url: string
  readonly access: Access | undefined
  readonly hidden: boolean
}

/** What an answer means here: what comes behind the access hook is somebody else's matter. */
type Verdict = 'in' | 401 | 403

type Asker = 'nobody' | 'a forger' | 'another user' | 'the user' | 'an admin' | 'an operator'

const EXPECTED: Readonly<Record<Access, Readonly<Record<Asker, Verdict>>>> = {
  public: {
    nobody: 'in',
    'a forger': 'in',
    'another user': 'in',
    'the user': 'in',
    'an admin': 'in',
    'an operator': 'in',
  },
  user: {
    nobody: 401,
    'a forger': 401,
    'another user': 'in',
    'the user': 'in',
    'an admin': 'in',
    'an operator': 401,
  },
  author: {
    nobody: 401,
    'a forger': 401,
    'another user': 'in',
    'the user': 'in',
    'an admin': 'in',
    'an operator': 'in',
  },
  self: {
    nobody: 401,
    'a forger': 401,
    'another user': 403,
    'the user': 'in',
    'an admin': 'in',
    'an operator': 'in',
  },
  operator: {
    nobody: 401,
    'a forger': 401,
    'another user': 403,
    'the user': 403,
    'an admin': 'in',
    'an operator': 'in',
  },
}

// On a busy machine hundreds of requests take their time.
t.setTimeout(90_000)

const database = await demoDatabase(t)

await t.test('everybody is let in where the table says so, and nowhere else', async t => {
  const { app, dependencies } = await testApp(t, database.url, {
    app: { environment: 'production', operatorToken: OPERATOR_TOKEN, metricsRoute: true },
    features: { rateLimit: false },
  })
  const routes: LiveRoute[] = []
  app.addHook('onRoute', ({ method, url, config, schema }) => {
    for (const one of [method].flat())
      routes.push({
        method: one,
        url,
        access: config?.access,
        hidden: schema?.hide === true,
      })
  })
  await app.ready()
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined })
  t.teardown(() => sql.end())
  const users = await sql<{ id: number }[]>`
    select id::int from users where user_type <> 'admin' order by id limit 60`
  const ids = users.map(user => user.id)
  const [other = 0, admin = 0, ...owners] = ids
  await sql`update users set user_type = 'admin' where id = ${admin}`
  const otherToken = await signedIn(dependencies, other)
  const adminToken = await signedIn(dependencies, admin)
  const asked: LiveRoute[] = routes.filter(route => !route.hidden)
  t.ok(asked.length > 20, `${asked.length} routes`)

  const named = readmeTable()
  t.strictSame(
    named,
    new Map(asked.filter(({ method }) => method !== 'HEAD').map(route => [nameOf(route), route.access])),
    'the README has each route with its access',
  )

  const unauthorised = new Set<string>()
  for (const [index, route] of asked.entries()) {
    const expected = EXPECTED[route.access as Access]
    // Each route has users of its own: some of them end a session, or a user.
    const owner = owners[index % owners.length] ?? 0
    const { authorization } = await signedIn(dependencies, owner)
    const askers: [Asker, Record<string, string>, number][] = [
      ['nobody', {}, owner],
      ['a forger', { authorization: forged(authorization) }, owner],
      ['another user', { authorization: otherToken.authorization }, owner],
      ['an admin', { authorization: adminToken.authorization }, owner],
      ['an operator', { authorization: `Bearer ${OPERATOR_TOKEN}` }, owner],
      ['the user', { authorization }, owner],
    ]
    for (const [asker, headers, id] of askers) {
      // What everybody may call, and what ends something, isn't asked for by those who are needed afterwards.
      if (expected[asker] === 'in' && endsSomething(route) && asker !== 'the user') continue
      const answer = await app.inject({
        method: route.method,
        url: route.url.replace(':id', String(id)),
        headers,
        ...(route.method === 'POST' || route.method === 'PUT' ? { payload: {} } : {}),
      })
      const verdict = answer.statusCode === 401 || answer.statusCode === 403 ? answer.statusCode : 'in'
      t.equal(verdict, expected[asker], `${nameOf(route)}, ${asker}: ${answer.statusCode}`)
      if (answer.statusCode !== 401 || route.method === 'HEAD') continue
      t.equal(answer.headers['www-authenticate'], 'Bearer')
      unauthorised.add(JSON.stringify({ ...answer.json<object>(), requestId: '' }))
    }
  }
  t.equal(unauthorised.size, 1, 'whatever is missing or wrong, the answer is the same')
})

/** Of the README's table of rights: `GET /api/courses` by its access. */
function readmeTable(): Map<string, string | undefined> {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const rows = readme.matchAll(/^\| `((?:GET|POST|PUT|DELETE) [^`]+)` +\| `(\w+)` +\|/gm)
  return new Map([...rows].map(([, name = '', access]) => [name, access]))
}

function nameOf({ method, url }: LiveRoute): string {
  return `${method} ${url}`
}

function endsSomething({ method, url }: LiveRoute): boolean {
  return method === 'DELETE' || url.startsWith('/api/auth/logout')
}

/** With another signature of the same length. */
function forged(authorization: string): string {
  const at = authorization.lastIndexOf('.') + 5
  const letter = authorization[at] === 'A' ? 'B' : 'A'
  return authorization.slice(0, at) + letter + authorization.slice(at + 1)
}
