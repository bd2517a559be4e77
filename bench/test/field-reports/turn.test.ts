import t from 'tap'
import { Answers } from '../../src/field-reports/answers.ts'
import { pathQuestion } from '../../src/field-reports/question.ts'
import { runTurn } from '../../src/field-reports/turn.ts'
import { ScriptedContestant } from './scripted-contestant.ts'

const dataOf = ({ data }: { data: string }) => data
const questions = Array.from({ length: 7 }, (_, i) => pathQuestion(`/${i}`, dataOf, dataOf))

await t.test('a list is asked through once, by so many at the same time', async t => {
  for (const atOnce of [1, 3, 20]) {
    const side = new ScriptedContestant('before', path => ({ ms: Number(path.slice(1)), hit: path === '/3' }))
    const figures = await runTurn(side, { questions, atOnce, forMs: null }, new Answers())
    t.same(side.asked.toSorted(), ['/0', '/1', '/2', '/3', '/4', '/5', '/6'])
    t.equal(side.mostAtOnce, Math.min(atOnce, 7))
    t.same(figures, { requests: 7, hits: 1, p50Ms: 3, p95Ms: 6, cpuUs: { part: 5 } })
  }
})

await t.test('for a time it goes round and round, and asks something even when there is no time', async t => {
  let nowMs = 1000
  const clock = { now: () => nowMs }
  const side = new ScriptedContestant('after', () => ({ ms: (nowMs += 2) }))
  await runTurn(side, { questions, atOnce: 1, forMs: 17 }, new Answers(), clock)
  t.same(side.asked, ['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/0', '/1'])
  t.equal((await runTurn(side, { questions, atOnce: 1, forMs: 0 }, new Answers(), clock)).requests, 1)
})

await t.test('the first wrong answer ends it, and nothing is asked any more', async t => {
  const side = new ScriptedContestant('after', path => (path === '/2' ? { text: '{"data":null}' } : {}))
  await t.rejects(runTurn(side, { questions, atOnce: 2, forMs: 60_000 }, new Answers()), /\/2: .* holds nothing/)
  t.ok(side.asked.length <= 5, String(side.asked.length))
})
