import t from 'tap'
import { CodingChoices, PreparedAnswers } from '../../src/http/prepared-answer.ts'

function counting() {
  let made = 0
  return { made: () => made, serialise: (value: object) => (made++, JSON.stringify(value)) }
}

await t.test('what is frozen is made once, what is not each time', async t => {
  const answers = new PreparedAnswers()
  const { made, serialise } = counting()
  const frozen = Object.freeze({ a: 1 })
  const first = answers.ofValue(frozen, serialise)
  t.equal(answers.ofValue(frozen, serialise), first)
  t.match(first, { body: '{"a":1}', isKept: true })
  const open = { a: 1 }
  t.equal(answers.ofValue(open, serialise).isKept, false)
  open.a = 2
  t.equal(answers.ofValue(open, serialise).body, '{"a":2}')
  t.equal(made(), 3)
  t.equal(new PreparedAnswers().ofValue(frozen, () => 'shown otherwise').body, 'shown otherwise')
})

await t.test('the same text is the same answer, another one is not', async t => {
  const answers = new PreparedAnswers()
  const first = answers.ofText('document')
  t.equal(answers.ofText('document'), first)
  t.not(answers.ofText('another').tag, first.tag)
  t.equal(answers.ofText('document').tag, first.tag)
})

await t.test('choices are forgotten before there are too many', async t => {
  const choices = new CodingChoices()
  choices.note('gzip', 'gzip')
  t.equal(choices.of('gzip'), 'gzip')
  t.equal(choices.of('br'), undefined)
  t.equal(choices.of(undefined), undefined)
  for (let wording = 0; wording < 64; wording++) choices.note(`gzip;q=0.${wording}`, 'gzip')
  t.equal(choices.of('gzip'), undefined)
  t.equal(choices.of('gzip;q=0.63'), 'gzip')
})
