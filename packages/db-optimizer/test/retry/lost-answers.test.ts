// Answers of a real server are lost on their way: what the client believes is compared with what the table holds.
import postgres from 'postgres'
import t from 'tap'
import { SeededRandom, testDatabase } from '@plimsoll/testing'
import { DbError } from '../../src/errors.ts'
import { nodeTimers } from '../../src/retry/pause.ts'
import { resolveCommit } from '../../src/retry/resolve-commit.ts'
import { RetryBudget } from '../../src/retry/retry-budget.ts'
import { RetryPolicy } from '../../src/retry/retry-policy.ts'
import { retrying, type Attempt } from '../../src/retry/retrying.ts'
import { losingProxy } from './losing-proxy.ts'

const database = await testDatabase(t, { template: { key: 'empty', prepare: async () => {} } })
const { sql } = database
await sql`create table entries (call int not null, attempt int not null)`
const { hostname, port } = new URL(database.url)
const proxy = await losingProxy(t, { host: hostname, port: Number(port) })
const proxied = new URL(database.url)
proxied.port = String(proxy.port)

const random = new SeededRandom(11)
const policy = new RetryPolicy({ budget: new RetryBudget(nodeTimers, { minPerSecond: 1000 }), random })
const tools = { policy, timers: nodeTimers, readOnly: false, idempotent: false }

/** A connection for one attempt; left to itself when it's lost, as the pool does it with a slot. */
async function withConnection<T>(use: (client: postgres.Sql) => Promise<T>): Promise<T> {
  const client = postgres(proxied.href, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    return await use(client)
  } finally {
    void client.end({ timeout: 0 })
  }
}

type Fault = 'none' | 'request' | 'answer'

await t.test('a transaction is done exactly once, whichever way its COMMIT is lost', async t => {
  const faults: Fault[] = ['none', 'request', 'answer', 'answer', 'request', 'answer']
  for (const [call, fault] of faults.entries()) {
    const transfer = (attempt: Attempt<number>): Promise<number> =>
      withConnection(async client => {
        attempt.phase = 'connect'
        await client`begin`
        attempt.phase = 'transaction'
        await client`insert into entries values (${call}, ${attempt.number})`
        const [row] = await client<{ xid: string | null }[]>`select pg_current_xact_id_if_assigned()::text as xid`
        attempt.pendingCommit = { xid: row?.xid ?? null, value: attempt.number }
        attempt.phase = 'commit'
        if (fault !== 'none' && attempt.number === 1) proxy.lose(fault)
        await client`commit`
        return attempt.number
      })
    const resolve = (xid: string) =>
      resolveCommit(xid, (text, parameters) => sql.unsafe(text, [...parameters]), { timers: nodeTimers })
    const attempt = await retrying(transfer, { ...tools, resolve })
    t.equal(attempt, fault === 'request' ? 2 : 1, fault)
    t.same([...(await sql`select attempt from entries where call = ${call}`)], [{ attempt }], fault)
  }
})

await t.test('a connection that is lost before COMMIT leaves nothing, so the transaction runs again', async t => {
  for (const fault of ['request', 'answer'] as const) {
    const call = fault === 'request' ? 100 : 101
    const attempt = await retrying<number>(
      attempt =>
        withConnection(async client => {
          attempt.phase = 'connect'
          await client`begin`
          attempt.phase = 'transaction'
          if (attempt.number === 1) proxy.lose(fault)
          await client`insert into entries values (${call}, ${attempt.number})`
          attempt.phase = 'commit'
          await client`commit`
          return attempt.number
        }),
      tools,
    )
    t.equal(attempt, 2)
    t.same([...(await sql`select attempt from entries where call = ${call}`)], [{ attempt: 2 }])
  }
})

await t.test('a lone write with a lost answer is reported as unknown, and is there once or not at all', async t => {
  for (const [fault, rows] of [
    ['request', 0],
    ['answer', 1],
  ] as const) {
    const call = 200 + rows
    const writing = retrying(
      attempt =>
        withConnection(async client => {
          attempt.phase = 'connect'
          await client`select 1`
          attempt.phase = 'execute'
          proxy.lose(fault)
          // Without parameters it's sent in one piece; with some, the first answer would be that to the preparation.
          await client.unsafe(`insert into entries values (${call}, ${attempt.number})`)
        }),
      tools,
    )
    await t.rejects(writing, DbError)
    await t.rejects(writing, { code: 'DB_ERR_OUTCOME_UNKNOWN', outcome: 'unknown' })
    t.equal((await sql`select from entries where call = ${call}`).length, rows, fault)
  }
})

await t.test('a connection that is refused is tried again, for any statement', async t => {
  const closed = new URL(database.url)
  closed.port = '1'
  const answered = await retrying<number>(async attempt => {
    const client = postgres(attempt.number < 3 ? closed.href : database.url, { max: 1, fetch_types: false })
    attempt.phase = 'execute'
    try {
      await client`insert into entries values (300, ${attempt.number})`
    } finally {
      void client.end({ timeout: 0 })
    }
    return attempt.number
  }, tools)
  t.equal(answered, 3)
  t.equal((await sql`select from entries where call = 300`).length, 1)
})
