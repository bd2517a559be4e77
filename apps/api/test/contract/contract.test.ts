// The contract: every operation of /openapi.json is asked for in every way that the document tells of, and in ways that it doesn't, and each answer is judged by the
// document alone. A route that's added is tested without a line here; one that can't be understood from the document fails.
import t from 'tap'
import { seededRandom, type TestDatabase } from '@plimsoll/testing'
import { demoDatabase } from '../fixture/demo-database.ts'
import { newUser, signedIn } from '../fixture/sign-in.ts'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'
import { wrongTargets } from './connection.ts'
import { operationsOf } from './operations.ts'
import { plainRequest } from './requests.ts'
import { faultsOfDocument, type WholeDocument } from './document-faults.ts'
import { anything, hostile } from './hostile-scenes.ts'
import type { Scene } from './judging.ts'
import { withoutToken, limited, looked, methods, refused, taken, tooLarge, wrongType } from './scenes.ts'
import { report, Service } from './service.ts'

// Dozens of operations, each in hundreds of ways.
t.setTimeout(120_000)

const operatorToken = 'a-token-for-tests-only'
const database = await demoDatabase(t)
const random = seededRandom(t)
const { app, dependencies } = await testApp(t, database.url, {
  app: { operatorToken, metricsRoute: true },
  cache: {},
  random,
})
const document = (await app.inject({ url: '/openapi.json' })).json<WholeDocument>()
const operations = operationsOf(document)
const service = new Service(app, {
  operatorToken,
  signIn: async () => (await signedIn(dependencies, await newUser(database))).authorization,
  secrets: await secretsOf(database),
})

const MOST_SHOWN = 3

/** What's wrong, as text; empty when nothing is. */
async function play(scene: Scene): Promise<string> {
  const found: string[] = []
  for (const operation of operations) {
    const faults = await scene(service, operation, operations)
    for (const fault of faults.slice(0, MOST_SHOWN)) found.push(`${operation.name}: ${fault}`)
    if (faults.length > MOST_SHOWN) found.push(`${operation.name}: and ${faults.length - MOST_SHOWN} more`)
  }
  return found.join('\n')
}

await t.test('the document is whole, and its examples are examples', t => {
  t.equal(faultsOfDocument(document).join('\n'), '')
  t.end()
})

await t.test('whoever has no token gets nothing of what is not for everybody', async t => {
  const before = await contents(database)
  t.equal(await play(withoutToken), '')
  t.same(await contents(database), before, 'nothing was changed')
})

await t.test('each rule of the document, broken by itself, is a refusal that names the field', async t => {
  const before = await contents(database)
  t.equal(await play(refused), '')
  t.same(await contents(database), before, 'nothing was changed')
})

await t.test('too large a body and too long a parameter are refused', async t => {
  t.equal(await play(tooLarge), '')
})

await t.test('bodies of other types and encodings, and missing ones, are refused', async t => {
  // Whoever is looked at for the first time gets a wallet: that isn't what this is about.
  t.equal(await play(looked), '')
  const before = await contents(database)
  t.equal(await play(wrongType), '')
  t.same(await contents(database), before, 'nothing was changed')
})

await t.test('what the document allows is taken, and answered as the document says', async t => {
  t.equal(await play(taken), '')
})

await t.test(
  'hostile texts, fields and bodies are answered as documented, and nothing of them or of the inside is told',
  async t => {
    t.equal(await play(hostile), '')
  },
)

await t.test('a path has the methods of the document, and says so to others', async t => {
  t.equal(await play(methods), '')
})

await t.test('what is limited per address says when to come again', async t => {
  t.equal(await play(limited), '')
})

await t.test('targets that no URL parser would make are refused or not found', async t => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.equal(await play(wrongTargets), '')
})

await t.test('no request is answered with a failure', async t => {
  t.equal(await play(anything), '')
})

await t.test('without a database every operation is answered as documented', async t => {
  const { app, dependencies } = await testApp(t, NO_DATABASE, { app: { operatorToken, metricsRoute: true } })
  const alone = new Service(app, {
    operatorToken,
    signIn: async () => `Bearer ${dependencies.auth.accessTokens.sign(1, 1).token}`,
    secrets: new Set(),
  })
  const found: string[] = []
  let unavailable = 0
  for (const operation of operations) {
    const judged = await alone.ask(operation, plainRequest(operation))
    if (judged.status === 503) unavailable += 1
    if (judged.faults.some(fault => fault !== 'status 503')) found.push(report(judged))
  }
  t.equal(found.join('\n'), '')
  t.ok(unavailable > 5, 'some need it')
})

/** What's in every table: number of rows, and a sum over what they hold; without those who have signed in for the tests. */
async function contents({ sql }: TestDatabase): Promise<unknown> {
  await sql`delete from users where email like '%@test.example'`
  const tables = await sql<{ name: string }[]>`
    select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`
  const each = tables.map(
    ({ name }) =>
      `select '${name}' as table, count(*), coalesce(sum(hashtextextended(r::text, 0)::numeric), 0)::text as sum from ${name} r`,
  )
  return sql.unsafe(each.join(' union all '))
}

/** Names of the schema that can't be anything else: whoever reads one in an answer has looked inside. */
async function secretsOf({ sql, name, url }: TestDatabase): Promise<Set<string>> {
  const names = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace
    union select conname from pg_constraint where connamespace = 'public'::regnamespace
    union select attname from pg_attribute join pg_class c on c.oid = attrelid where relnamespace = 'public'::regnamespace`
  const words = names.map(({ name }) => name).filter(name => name.includes('_'))
  return new Set([...words, name, new URL(url).password])
}
