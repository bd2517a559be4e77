import t from 'tap'
import { Answers, firstDifference } from '../../src/field-reports/answers.ts'
import { pathQuestion } from '../../src/field-reports/question.ts'

const question = pathQuestion(
  '/things',
  ({ rows }: { rows: { id: string }[] }) => rows.map(({ id }) => ({ id: Number(id) })),
  ({ items }: { items: { id: number }[] }) => items,
)
const before = JSON.stringify({ rows: [{ id: '1', more: 'whole row' }, { id: '2' }] })
const after = JSON.stringify({ items: [{ id: 1 }, { id: 2 }] })

await t.test('the same data in two forms is right, whoever comes first, as often as it comes', async t => {
  for (const order of [['before', 'after'] as const, ['after', 'before'] as const]) {
    const answers = new Answers()
    for (const side of [...order, ...order]) answers.check(question, side, side === 'before' ? before : after)
  }
  t.pass()
})

await t.test('other data is an error that says where it differs, also when it was right before', async t => {
  const answers = new Answers()
  answers.check(question, 'before', before)
  answers.check(question, 'after', after)
  const wrong = JSON.stringify({ items: [{ id: 1 }, { id: 3 }] })
  t.throws(() => answers.check(question, 'after', wrong), {
    message: '/things: after answers something else: 1.id is 3 instead of 2',
  })
  const fewer = JSON.stringify({ items: [{ id: 1 }] })
  t.throws(() => answers.check(question, 'after', fewer), { message: /1 is nothing instead of {"id":2}/ })
})

await t.test('an answer that holds nothing proves nothing, so it is an error', async t => {
  t.throws(() => new Answers().check(question, 'before', '{"rows":[]}'), { message: /the answer before holds nothing/ })
})

await t.test('the first difference is found at any depth', async t => {
  t.equal(firstDifference({ a: { b: [1, { c: 2 }] } }, { a: { b: [1, { c: 3 }] } }), 'a.b.1.c is 2 instead of 3')
  t.equal(firstDifference({ a: 1 }, { a: 1, b: null }), 'b is nothing instead of null')
  t.equal(firstDifference(1, '1'), '1 instead of "1"')
})
