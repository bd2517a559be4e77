import t from 'tap'
import type { Dependencies } from '../../src/cached/dependencies.ts'
import { KnownStatements, type Analyse, type KnownStatementsOptions } from '../../src/cached/known-statements.ts'
import { DbError } from '../../src/errors.ts'

const NOTHING: Dependencies = {
  read: { kind: 'by-hand', reason: 'test' },
  writes: [],
  changesSchema: false,
  changesNames: false,
}
const text = (name: string) => ({ text: name, types: [] })

function statements(analyse: Analyse, options?: KnownStatementsOptions) {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const asked: string[] = []
  const known = new KnownStatements(
    statement => {
      asked.push(statement.text)
      return analyse(statement)
    },
    clock,
    options,
  )
  return { known, asked, clock }
}

await t.test('a text is asked for once by all together, and remembered for ten minutes', async t => {
  const { known, asked, clock } = statements(() => Promise.resolve(NOTHING))
  t.equal(known.peek(text('table a')), undefined)
  await Promise.all([
    known.find(text('table a')),
    known.find(text('table a')),
    known.find({ text: 'table a', types: [20] }),
  ])
  t.same(asked, ['table a', 'table a'], 'other declared types, another statement')
  t.match(known.peek(text('table a')), { analysed: true })
  clock.nowMs = 600_001
  t.equal(known.peek(text('table a')), undefined)
  await known.find(text('table a'))
  t.equal(asked.length, 3)
})

await t.test('at most two are asked at once', async t => {
  const gates: (() => void)[] = []
  const { known, asked } = statements(async () => {
    await new Promise<void>(resolve => void gates.push(resolve))
    return NOTHING
  })
  const all = ['a', 'b', 'c', 'd'].map(name => known.find(text(`table ${name}`)))
  t.same(asked, ['table a', 'table b'])
  while (gates.length > 0) {
    gates.shift()?.()
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    t.ok(gates.length <= 2)
  }
  await Promise.all(all)
  t.same(asked, ['table a', 'table b', 'table c', 'table d'])
})

await t.test('what can not be found out writes everything; a failure that passes is tried again soon', async t => {
  const { known, asked, clock } = statements(() => Promise.reject(new DbError('DB_ERR_POOL_BUSY', 'busy')))
  t.match(await known.find(text('select 1')), {
    analysed: false,
    writes: ['table:*'],
    read: { kind: 'by-hand', reason: /busy/ },
  })
  await known.find(text('select 1'))
  t.equal(asked.length, 1)
  clock.nowMs = 5001
  await known.find(text('select 1'))
  t.equal(asked.length, 2)
})

await t.test('what the server will never parse for us is judged by its words', async t => {
  const { known } = statements(() => Promise.reject(new SyntaxError('unknown tree')))
  t.same((await known.find(text('select 1'))).writes, [])
  for (const writing of [
    'delete from a',
    'with x as (insert into a values (1)) select 1',
    'select 1 into b',
    'call x()',
    'a; b',
  ]) {
    t.same((await known.find(text(writing))).writes, ['table:*'], writing)
  }
  t.match(await known.find(text(`select ${'1, '.repeat(50_000)} 1`)), { analysed: false, read: { reason: /too long/ } })
})

await t.test('statements without a tree are not asked for', async t => {
  const { known, asked } = statements(() => Promise.resolve(NOTHING))
  t.match(await known.find(text("set local timezone = 'UTC'")), {
    writes: [],
    changesSchema: false,
    changesNames: false,
  })
  t.match(await known.find(text('set local search_path = x')), { writes: [], changesNames: true })
  t.match(await known.find(text('drop table x')), { writes: ['table:*'], changesSchema: true })
  t.same(asked, [])
})

await t.test('memory is bounded, and what is used stays', async t => {
  const { known, asked } = statements(() => Promise.resolve(NOTHING), { maxTexts: 3 })
  for (const name of 'abcdefghijklmnop') {
    await known.find(text(`table ${name}`))
    await known.find(text('table often'))
  }
  t.equal(asked.filter(name => name === 'table often').length, 1)
  const kept = 'abcdefghijklmnop'.split('').filter(name => known.peek(text(`table ${name}`)) !== undefined)
  t.ok(kept.length <= 6, kept.join())
})

await t.test('after a change of the schema everything is asked anew, also what was under way', async t => {
  const gate = Promise.withResolvers<void>()
  const { known, asked } = statements(async () => {
    await gate.promise
    return NOTHING
  })
  const before = known.find(text('table a'))
  known.forget()
  gate.resolve()
  await before
  t.equal(known.peek(text('table a')), undefined)
  await known.find(text('table a'))
  t.equal(asked.length, 2)
  t.match(known.peek(text('table a')), { analysed: true })
})
