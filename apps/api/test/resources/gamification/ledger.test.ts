// Wallets at the same moment, and through faults: one effect per key, no balance below zero, a ledger that adds up.
//
// Two applications on one database are two workers. A third one is a program of its own, which is killed.
import t, { type Test } from 'tap'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { spawnProgram, until } from '@plimsoll/testing'
import type { TransactionRequest, TransactionResult } from '../../../src/resources/gamification/wallet/schema.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'
import { testApp } from '../../fixture/test-app.ts'
import { answerHoldingRelay } from './answer-holding-relay.ts'

// A program is started: on a busy machine that takes its time.
t.setTimeout(60_000)

const OPERATOR_TOKEN = 'operator-token-of-the-ledger-test'

const database = await demoDatabase(t)
const { sql } = database
const options = { app: { operatorToken: OPERATOR_TOKEN }, database: { maxConnections: 8 } }
const { app: one } = await testApp(t, database.url, options)
const { app: two } = await testApp(t, database.url, options)

interface Answer {
  readonly status: number
  readonly text: string
  readonly replayed: boolean
  readonly body: TransactionResult & { readonly code?: string }
}

const earn = (amount: number): TransactionRequest => ({ kind: 'earn', amount, reason: 'Test' })
const spend = (amount: number): TransactionRequest => ({ kind: 'spend', amount, reason: 'Test' })
const headersWith = (key: string) => ({
  authorization: `Bearer ${OPERATOR_TOKEN}`,
  'content-type': 'application/json',
  'idempotency-key': key,
})
const path = (userId: number) => `/api/gamification/wallet/${userId}/transactions`

async function post(to: FastifyInstance, userId: number, key: string, request: TransactionRequest): Promise<Answer> {
  const response = await to.inject({ method: 'POST', url: path(userId), headers: headersWith(key), payload: request })
  return {
    status: response.statusCode,
    text: response.payload,
    replayed: response.headers['idempotency-replayed'] === 'true',
    body: response.json(),
  }
}

let users = 0
async function newUser(balance = 0): Promise<number> {
  const name = `ledger-${(users += 1)}`
  const [row] = await sql<[{ id: number }]>`
    insert into users (email, username, display_name) values (${`${name}@example.org`}, ${name}, ${name}) returning id::int`
  if (balance > 0) await post(one, row.id, 'first', earn(balance))
  return row.id
}

interface Line {
  readonly sequence: number
  readonly key: string
  readonly amount: number
  readonly before: number
  readonly after: number
  readonly atMs: number
}

/** The lines of a wallet, when they follow each other without a gap and lead to its balance; else the test fails. */
async function provenLedger(t: Test, userId: number): Promise<readonly Line[]> {
  const lines = await sql<Line[]>`
    select sequence::int, idempotency_key as key, amount::int, balance_before::int as before, balance_after::int as after,
           (extract(epoch from created_at) * 1000)::float8 as "atMs"
    from wallet_transactions where user_id = ${userId} order by sequence`
  const [wallet] = await sql<[{ balance: number; last: number }?]>`
    select balance::int, last_sequence::int as last from wallets where user_id = ${userId}`
  let [balance, sequence, atMs] = [0, 0, 0]
  for (const line of lines) {
    const follows = line.before === balance && line.sequence === sequence + 1 && line.atMs >= atMs
    if (!follows || line.after !== line.before + line.amount || line.after < 0) t.fail(JSON.stringify(lines))
    ;({ after: balance, sequence, atMs } = line)
  }
  t.same({ balance: wallet?.balance ?? 0, last: wallet?.last ?? 0 }, { balance, last: sequence })
  t.equal(new Set(lines.map(({ key }) => key)).size, lines.length, 'no key twice')
  return lines
}

const operation = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  kind: fc.constantFrom('earn' as const, 'spend' as const, 'refund' as const),
  amount: fc.constantFrom(1, 2, 5, 10),
  worker: fc.boolean(),
})

await t.test('one after the other, every answer is the model’s, whatever keys are repeated', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 15 }), async operations => {
      const id = await newUser()
      const done = new Map<string, { request: string; text: string }>()
      let balance = 0
      for (const { key, kind, amount, worker } of operations) {
        const request = { kind, amount, reason: 'Test' }
        const answer = await post(worker ? one : two, id, key, request)
        const earlier = done.get(key)
        const signed = kind === 'spend' ? -amount : amount
        if (earlier !== undefined) {
          const same = earlier.request === JSON.stringify(request)
          t.equal(answer.status, same ? 201 : 422)
          if (same) t.same([answer.text, answer.replayed], [earlier.text, true])
        } else if (balance + signed < 0) {
          t.match(answer, { status: 409, body: { code: 'API_ERR_WALLET_BALANCE' } })
        } else {
          balance += signed
          done.set(key, { request: JSON.stringify(request), text: answer.text })
          t.match(answer, { status: 201, replayed: false, body: { balance, transaction: { sequence: done.size } } })
        }
      }
      const lines = await provenLedger(t, id)
      t.same(
        lines.map(line => line.key),
        [...done.keys()],
      )
    }),
    { numRuns: 12 },
  )
})

await t.test('all at once, the answers are those of some order, and the ledger is that order', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { minLength: 2, maxLength: 20 }),
      fc.integer({ min: 0, max: 15 }),
      async (operations, before) => {
        const id = await newUser(before)
        const answers = await Promise.all(
          operations.map(async ({ key, kind, amount, worker }) => {
            const request = { kind, amount, reason: 'Test' }
            return { key, request, answer: await post(worker ? one : two, id, key, request) }
          }),
        )
        const lines = new Map((await provenLedger(t, id)).map(line => [line.key, line]))
        for (const { key, request, answer } of answers) {
          const line = lines.get(key)
          if (answer.status === 201) {
            const { transaction, balance } = answer.body
            t.same([transaction.sequence, transaction.amount, balance], [line?.sequence, line?.amount, line?.after])
          } else if (answer.status === 422) t.ok(line !== undefined, 'another request has the key')
          else {
            t.match(answer, { status: 409, body: { code: 'API_ERR_WALLET_BALANCE' } })
            const lowest = Math.min(before, ...[...lines.values()].map(({ after }) => after))
            t.ok(request.kind === 'spend' && request.amount > lowest, 'there was a moment with less')
          }
        }
        for (const key of lines.keys()) {
          const texts = answers.filter(({ key: of, answer }) => of === key && answer.status === 201)
          t.ok(key === 'first' || texts.filter(({ answer }) => !answer.replayed).length === 1, 'one did it')
          t.ok(key === 'first' || new Set(texts.map(({ answer }) => answer.text)).size === 1, 'and all say the same')
        }
      },
    ),
    { numRuns: 12 },
  )
})

await t.test('many spend at once: as many as the balance carries, and not one more', async t => {
  const id = await newUser(155)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => post(index % 2 === 0 ? one : two, id, `spend-${index}`, spend(10))),
  )
  t.equal(answers.filter(({ status }) => status === 201).length, 15)
  t.equal(answers.filter(({ status, body }) => status === 409 && body.code === 'API_ERR_WALLET_BALANCE').length, 25)
  const lines = await provenLedger(t, id)
  t.equal(lines.at(-1)?.after, 5)
})

await t.test('a first earning of somebody without a wallet, twenty times at once with one key', async t => {
  for (let round = 0; round < 3; round += 1) {
    const id = await newUser()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post(index % 2 === 0 ? one : two, id, 'same', earn(3))),
    )
    t.equal(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, 1)
    t.equal(answers.filter(({ replayed }) => !replayed).length, 1)
    t.match(await provenLedger(t, id), [{ key: 'same', after: 3 }])
  }
})

await t.test('a commit whose answer is lost: the request finds out, and its repetition finds its line', async t => {
  const relay = await answerHoldingRelay(t, database)
  const { app } = await testApp(t, relay.url, options)
  const id = await newUser(10)
  t.equal((await post(app, id, 'before', spend(1))).status, 201)
  const held = relay.hold()
  const answer = post(app, id, 'lost', spend(4))
  await held
  await until(async () => (await sql`select from wallet_transactions where idempotency_key = 'lost'`).length === 1, {
    what: 'the commit',
  })
  relay.mend()
  relay.cut()
  relay.mend()
  const first = await answer
  t.match(first, { status: 201, body: { balance: 5 } })
  const again = await post(two, id, 'lost', spend(4))
  t.same([again.text, again.replayed], [first.text, true])
  t.match(await provenLedger(t, id), [{ key: 'first' }, { key: 'before' }, { key: 'lost', after: 5 }])
})

await t.test('a commit of which nobody can find out: the client is told so, and repeats it rightly', async t => {
  const relay = await answerHoldingRelay(t, database)
  const { app } = await testApp(t, relay.url, options)
  const id = await newUser(10)
  const held = relay.hold()
  const answer = post(app, id, 'unknown', spend(4))
  await held
  await until(async () => (await sql`select from wallet_transactions where idempotency_key = 'unknown'`).length === 1, {
    what: 'the commit',
  })
  relay.cut()
  t.match(await answer, {
    status: 500,
    body: { code: 'API_ERR_DATABASE_OUTCOME_UNKNOWN', detail: /same Idempotency-Key again/, retryAfterS: 1 },
  })
  t.match(await post(two, id, 'unknown', spend(4)), { status: 201, replayed: true, body: { balance: 6 } })
  relay.mend()
  await until(async () => (await post(app, id, 'unknown', spend(4))).status === 201, {
    what: 'the way to be there again',
  })
  t.match(await provenLedger(t, id), [{ key: 'first' }, { key: 'unknown', after: 6 }])
})

await t.test(
  'a worker killed in the middle: before the commit nothing was done, after it all was, and the same key says so',
  async t => {
    const relay = await answerHoldingRelay(t, database)
    const program = await spawnProgram(t, ['node', 'apps/api/src/worker/main.ts', '--listen', '127.0.0.1:0'], {
      env: {
        DATABASE_URL: relay.url,
        API_OPERATOR_TOKEN: OPERATOR_TOKEN,
        FEATURE_CACHING: 'false',
        LOG_LEVEL: 'warn',
        DB_MIN_CONNECTIONS: '0',
      },
    })
    const { address } = JSON.parse(await program.line('"msg":"listening"', { timeoutMs: 30_000 })) as {
      address: string
    }
    const send = (userId: number, key: string, request: TransactionRequest) =>
      fetch(`${address}${path(userId)}`, { method: 'POST', headers: headersWith(key), body: JSON.stringify(request) })
    const [waiting, committed] = [await newUser(10), await newUser(10)]
    t.equal((await send(waiting, 'alive', spend(1))).status, 201)

    // One request waits for its wallet.
    const holder = await sql.reserve()
    await holder`begin`
    await holder`select from wallets where user_id = ${waiting} for update`
    const first = t.rejects(send(waiting, 'killed', spend(3)))
    await until(
      async () =>
        (await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = ${database.name}`).length >
        0,
      { what: 'the request to wait for the wallet' },
    )
    // Another one has committed, and waits for the answer.
    const held = relay.hold()
    const second = t.rejects(send(committed, 'killed', spend(3)))
    await held
    await until(
      async () =>
        (await sql`select from wallet_transactions where user_id = ${committed} and idempotency_key = 'killed'`)
          .length === 1,
      { what: 'the commit' },
    )
    process.kill(program.pid, 'SIGKILL')
    await Promise.all([first, second, program.exited])
    const repeated = post(one, waiting, 'killed', spend(3))
    await holder`commit`
    holder.release()

    t.match(await repeated, { status: 201, replayed: false, body: { balance: 6 } })
    t.match(await post(two, waiting, 'killed', spend(3)), { status: 201, replayed: true, body: { balance: 6 } })
    t.match(await post(one, committed, 'killed', spend(3)), { status: 201, replayed: true, body: { balance: 7 } })
    t.match(await post(two, committed, 'killed', spend(4)), { status: 422 })
    t.match(await provenLedger(t, waiting), [{ key: 'first' }, { key: 'alive' }, { key: 'killed', after: 6 }])
    t.match(await provenLedger(t, committed), [{ key: 'first' }, { key: 'killed', after: 7 }])
  },
)
