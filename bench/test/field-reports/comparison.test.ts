import t from 'tap'
import { Answers } from '../../src/field-reports/answers.ts'
import { compareAnswers, measure, warmUp } from '../../src/field-reports/comparison.ts'
import { pathQuestion } from '../../src/field-reports/question.ts'
import type { CacheState, Scenario } from '../../src/field-reports/scenarios.ts'
import type { Reply } from '../../src/field-reports/side.ts'
import { ScriptedContestant } from './scripted-contestant.ts'

const dataOf = ({ data }: { data: string }) => data
const scenario = (state: CacheState, count: number, crowds: Scenario['crowds'] = [1, 10]): Scenario => ({
  name: state,
  state,
  crowds,
  questions: Array.from({ length: count }, (_, i) => pathQuestion(`/${state}/${i}`, dataOf, dataOf)),
})
const scenarios = [scenario('loaded', 4), scenario('new', 100), scenario('mixed', 3, [10]), scenario('cached', 2)]
const effort = { rounds: 3, turnMs: 4, newPerTurn: 5, warmupPasses: 2 }

function contestants(answer?: (path: string) => Partial<Reply>) {
  const log: string[] = []
  const side = (name: 'before' | 'after') =>
    new ScriptedContestant(name, path => {
      log.push(`${name} ${path}`)
      return name === 'after' ? (answer?.(path) ?? {}) : {}
    })
  return {
    log,
    before: side('before'),
    after: side('after'),
    forget: async () => void log.push('forget'),
  }
}

await t.test('rounds: begun by each side in turn, each with an empty cache, figures of every load', async t => {
  const both = contestants()
  let text = ''
  const io = { write: (line: string) => void (text += line) }
  const measured = await measure(io, both, scenarios, new Answers(), effort)
  t.same(
    measured.map(one => `${one.scenario} ${one.crowd} ${one.before.length} ${one.after.length}`),
    ['loaded 1 3 3', 'loaded 10 3 3', 'new 1 3 3', 'new 10 3 3', 'mixed 10 3 3', 'cached 1 3 3', 'cached 10 3 3'],
  )
  const rounds = both.log.flatMap((line, i) => (line === 'forget' ? [both.log[i + 1]] : []))
  t.same(rounds, ['before /loaded/0', 'after /loaded/0', 'before /loaded/0'])
  t.match(text, /round 1 of 3, \d+ s to go\n.*round 2 of 3.*\n {2}round 3 of 3\n/)
})

await t.test('what can be asked once is asked once, the same of both sides', async t => {
  const both = contestants()
  await measure({ write: () => {} }, both, scenarios, new Answers(), effort)
  for (const { asked } of [both.before, both.after]) {
    const once = asked.filter(path => path.startsWith('/new/'))
    t.equal(once.length, effort.rounds * 2 * effort.newPerTurn)
    t.equal(new Set(once).size, once.length)
    const loaded = asked.filter(path => path === '/loaded/0')
    t.equal(loaded.length, effort.rounds, 'once a round, not by both crowds')
  }
  await t.rejects(
    measure({ write: () => {} }, both, scenarios, new Answers(), { ...effort, rounds: 51 }),
    /100 new users are too few for 51 rounds/,
  )
})

await t.test('what can be asked once is handed out for each scenario by itself', async t => {
  const both = contestants()
  const two = [
    scenario('new', 40, [1]),
    { ...scenario('new', 12, [1]), name: 'others', questions: scenario('mixed', 12).questions },
  ]
  await measure({ write: () => {} }, both, two, new Answers(), effort)
  t.equal(both.after.asked.filter(path => path.startsWith('/new/')).length, effort.rounds * effort.newPerTurn)
  t.equal(both.after.asked.filter(path => path.startsWith('/mixed/')).length, effort.rounds * 2)
})

await t.test('an answer from the cache where it had to be loaded ends the run', async t => {
  const both = contestants(path => ({ hit: path === '/loaded/3' }))
  await t.rejects(
    measure({ write: () => {} }, both, scenarios, new Answers(), effort),
    /loaded: 1 answers came from the cache/,
  )
})

await t.test('before, all that can be asked twice is compared, and asked again with an empty cache', async t => {
  const both = contestants()
  const answers = new Answers()
  t.equal(await compareAnswers(both, scenarios, answers), 9)
  t.notOk(both.log.some(line => line.includes('/new/')))
  await warmUp({ write: () => {} }, both, scenarios, answers, effort)
  t.equal(both.log.filter(line => line === 'forget').length, effort.warmupPasses)
  t.equal(both.log.filter(line => line === 'after /cached/1').length, 1 + 2 * effort.warmupPasses)
  const wrong = contestants(path => (path === '/mixed/1' ? { text: '{"data":"something else"}' } : {}))
  await t.rejects(compareAnswers(wrong, scenarios, new Answers()), /\/mixed\/1: after answers something else/)
})
