// Client programs against a real server: what they count is what was done, and they see a wrong answer.
import { testDatabase } from '@plimsoll/testing'
import t from 'tap'
import { type OpenOrder, WAYS, type Way } from '../../src/database/client-protocol.ts'
import { Client } from '../../src/database/client.ts'
import { TABLE_STATEMENTS } from '../../src/database/items.ts'

const { url, sql } = await testDatabase(t, { template: { key: 'empty', prepare: async () => {} } })
for (const statement of TABLE_STATEMENTS) await sql.unsafe(statement)

const client = await Client.start(
  { nodePath: process.execPath, env: process.env, signal: new AbortController().signal },
  null,
  {},
)
t.teardown(() => client.stop())

const closedLoop = { kind: 'closed-loop', inFlight: 12, warmupMs: 20, measureMs: 60 } as const

function openOrder(way: Way): OpenOrder {
  return { kind: 'open', way, url, connections: 3, instrumentation: 'default' }
}

await t.test('every way reads in a closed and in an open loop, and counts its statements', async t => {
  for (const way of WAYS) {
    await client.ask(openOrder(way))
    if (way !== 'nothing') {
      const closed = await client.ask(closedLoop)
      t.ok(closed.reads > 0 && closed.cpuUs > 0 && closed.seconds >= 0.05, `${way}: closed loop`)
    }
    const open = await client.ask({
      kind: 'open-loop',
      readsPerSecond: 600,
      readsPerArrival: 3,
      warmupMs: 20,
      measureMs: 150,
      seed: 1,
      generatorCore: null,
    })
    await client.ask({ kind: 'close' })
    t.ok(open.reads > 0 && open.p50Ms > 0 && open.p99Ms >= open.p50Ms, `${way}: open loop`)
    t.equal(open.reads % 3, 0, 'arrivals are whole')
    const { statements, reads } = open
    if (way === 'postgres.js') t.equal(statements, null)
    else if (way === 'nothing') t.equal(statements, 0)
    else if (way === 'ours') t.ok(statements !== null && statements >= reads, `${statements} for ${reads} reads`)
    else t.ok(statements !== null && statements > 0 && statements < reads, `${statements} for ${reads} reads`)
  }
})

await t.test("an answer that is not its key's ends the run", async t => {
  await sql`update bench_items set name = 'another one'`
  t.teardown(() => sql`update bench_items set name = 'item ' || id`)
  for (const way of ['postgres.js', 'ours', 'ours, loader', 'DataLoader'] as const) {
    await client.ask(openOrder(way))
    await t.rejects(client.ask(closedLoop), /item \d+ was asked for, and the answer was .*another one/, way)
    await client.ask({ kind: 'close' })
  }
})

await t.test('fast statements behind slow ones are told apart', async t => {
  await client.ask(openOrder('postgres.js'))
  // A statement that isn't prepared yet keeps a connection from being pipelined onto.
  await client.ask(closedLoop)
  // Two of three connections are asleep, and the driver gives them their part of what comes after.
  const burst = await client.ask({ kind: 'burst', slow: 2, slowMs: 150, fast: 30, bursts: 1 })
  await client.ask({ kind: 'close' })
  t.ok(burst.heldUp > 0.5 && burst.p99Ms >= 100, JSON.stringify(burst))
})

await t.test('variants are compared slice by slice', async t => {
  const variants = ['off', 'on'] as const
  const { cpuUsPerRead } = await client.ask({
    kind: 'comparison',
    url,
    connections: 2,
    variants,
    slices: 3,
    sliceMs: 20,
    warmupMs: 40,
  })
  t.same(
    cpuUsPerRead.map(slices => slices.length),
    [3, 3],
  )
  t.ok(cpuUsPerRead.flat().every(us => us > 0))
})

await t.test('an interrupted run rejects with the reason, and its program can be ended', async t => {
  const interrupted = new AbortController()
  const io = { nodePath: process.execPath, env: process.env, signal: interrupted.signal }
  const client = await Client.start(io, null, {})
  t.teardown(() => client.stop())
  await client.ask(openOrder('ours'))
  const run = client.ask({ ...closedLoop, measureMs: 60_000 })
  interrupted.abort(new Error('enough'))
  await t.rejects(run, /enough/)
  await t.rejects(client.ask({ kind: 'close' }), /enough/)
  await client.stop()
})
