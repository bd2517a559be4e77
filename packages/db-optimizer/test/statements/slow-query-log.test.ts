import t from 'tap'
import { FakeClock, testDatabase, until } from '@plimsoll/testing'
import { describeParameters } from '../../src/statements/describe-parameters.ts'
import { normalizeSql } from '../../src/statements/normalize-sql.ts'
import { isExplainable, PlanOnDemand } from '../../src/statements/plan-on-demand.ts'
import {
  SlowQueryLog,
  type ObservedExecution,
  type SlowQuery,
  type SlowQueryTools,
} from '../../src/statements/slow-query-log.ts'

const { sql } = await testDatabase(t, { template: { key: 'empty', prepare: async () => {} } })

const execution = (more: Partial<ObservedExecution> = {}): ObservedExecution => {
  const text = more.text ?? "select * from t where a = 'secret'"
  return { text, normalized: normalizeSql(text), waitMs: 20, executionMs: 90, rows: 1, ...more }
}
function setUp(
  options: Partial<ConstructorParameters<typeof SlowQueryLog>[0]> = {},
  tools: Partial<SlowQueryTools> = {},
) {
  const lines: SlowQuery[] = []
  const clock = new FakeClock()
  const write = (line: SlowQuery): void => void lines.push(line)
  const log = new SlowQueryLog(
    { thresholdMs: 100, ...options },
    { clock, random: { next: () => 0.5 }, write, ...tools },
  )
  return { log, lines, clock }
}

await t.test(
  'what takes as long as the threshold, waiting and running together, is logged without its values',
  async t => {
    const { log, lines } = setUp()
    log.observe(execution({ waitMs: 9.9 }))
    t.equal(lines.length, 0)
    log.observe(
      execution({ waitMs: 10, name: 'user.find', parameters: ['secret', 5, null, ['secret'], new Uint8Array(3)] }),
    )
    t.match(lines, [
      { name: 'user.find', text: 'select * from t where a = ?', waitMs: 10, executionMs: 90, rows: 1, leftOut: 0 },
    ])
    t.notMatch(JSON.stringify(lines), /secret/)
  },
)

await t.test('parameters are described by kind and size', async t => {
  const odd = { toString: () => t.fail('read') }
  const described = describeParameters([
    'abc',
    1,
    2n,
    true,
    null,
    undefined,
    [1, 2],
    new Uint8Array(3),
    new Date(),
    odd,
    Symbol('x'),
  ])
  t.same(described, [
    { type: 'string', size: 3 },
    { type: 'number' },
    { type: 'bigint' },
    { type: 'boolean' },
    { type: 'null' },
    { type: 'null' },
    { type: 'list', size: 2 },
    { type: 'bytes', size: 3 },
    { type: 'date' },
    { type: 'object' },
    { type: 'other' },
  ])
  t.equal(describeParameters(Array.from({ length: 1000 })).length, 50)
})

await t.test('a sample is logged, so many a second, and the rest is counted', async t => {
  const draws = [0.9, 0.1, 0.9, 0.1]
  const { log, lines } = setUp({ sampleRatio: 0.5 }, { random: { next: () => draws.shift() ?? 1 } })
  for (let call = 0; call < 4; call++) log.observe(execution())
  t.same(
    lines.map(({ leftOut }) => leftOut),
    [1, 1],
  )
  const busy = setUp({ maxPerSecond: 2 })
  for (let call = 0; call < 5; call++) busy.log.observe(execution())
  busy.clock.advance(1000)
  busy.log.observe(execution())
  t.same(
    busy.lines.map(({ leftOut }) => leftOut),
    [0, 0, 3],
  )
})

await t.test('only one statement of a kind that is planned without being run is explained', async t => {
  for (const text of [
    'select 1',
    ' /* x */ WITH a as (select 1) select * from a;',
    'insert into t values (1)',
    'merge into t',
  ]) {
    t.ok(isExplainable(text), text)
  }
  for (const text of [
    'select 1; drop table t',
    'create table x (a int)',
    'analyze',
    'call p()',
    '',
    '-- x',
    'vacuum',
    '(select 1)',
  ]) {
    t.notOk(isExplainable(text), text)
  }
})

await t.test('a plan of the server comes with the line, with no literal in it and nothing changed', async t => {
  await sql`create table people (id int primary key, name text)`
  await sql`insert into people values (1, 'secret')`
  const clock = new FakeClock()
  const plans = new PlanOnDemand(text => sql.unsafe(text), clock)
  const { log, lines } = setUp({}, { plans })
  log.observe(execution({ text: "delete from people where name = 'secret' and id = $1" }))
  await until(() => lines.length === 1, { what: 'the line' })
  t.match(lines[0]?.plan, [{ Plan: { 'Node Type': 'ModifyTable', Operation: 'Delete', 'Relation Name': 'people' } }])
  t.match(JSON.stringify(lines[0]?.plan), /"Index Cond":"\(id = \?\)"/)
  t.notMatch(JSON.stringify(lines), /secret/)
  t.equal((await sql`select from people`).length, 1)
})

await t.test('each statement is explained once in a while, one at a time, and failing to is no failure', async t => {
  const clock = new FakeClock()
  const asked: string[] = []
  const answers: ((rows: object[]) => void)[] = []
  const plans = new PlanOnDemand(
    text => {
      asked.push(text)
      if (text.includes('broken')) return Promise.reject(new Error('x'))
      return new Promise(resolve => void answers.push(resolve))
    },
    clock,
    { intervalMs: 1000, maxStatements: 2 },
  )
  const first = plans.request('select a', 'a')
  t.equal(plans.request('select b', 'b'), undefined, 'busy')
  answers[0]?.([{ 'QUERY PLAN': [{ Plan: { 'Node Type': 'Result', Output: ["'secret'::text"] } }] }])
  t.same(await first, [{ Plan: { 'Node Type': 'Result', Output: ['?::text'] } }])
  t.equal(plans.request('select a', 'a'), undefined, 'too soon')
  t.equal(await plans.request('select broken', 'broken'), undefined)
  clock.advance(1000)
  void plans.request('select a', 'a')
  t.same(
    asked.map(text => text.slice(-8)),
    ['select a', 't broken', 'select a'],
  )
  t.equal(asked[0], 'explain (generic_plan, format json) select a')
})
