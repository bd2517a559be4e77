// The lists that a run is made of: claims, scenarios, questions.
import t from 'tap'
import { CLAIMS } from '../../src/field-reports/claims.ts'
import { type DemoFacts, scattered, spread } from '../../src/field-reports/demo-facts.ts'
import type { PathAsk, TogetherAsk } from '../../src/field-reports/question.ts'
import { accountsWanted, makeScenarios, SCENARIO_NAMES } from '../../src/field-reports/scenarios.ts'

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const facts: DemoFacts = {
  courses: range(30),
  categories: ['security', 'data'],
  activeUsers: range(50),
  newUsers: range(20).map(id => 100 + id),
  blogs: range(40),
  tags: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
  authors: range(10),
}
const sizes = { loaded: 8, cached: 5, visitors: 6, accounts: 10, signUps: 12 }
const accounts = range(accountsWanted(sizes)).map(userId => ({
  userId,
  email: `${userId}@example.org`,
  password: 'any',
}))
const scenarios = makeScenarios(facts, sizes, { accounts, run: 'run' })

await t.test(
  'every claim has something to judge, and every scenario a claim or a place among the uncached',
  async t => {
    for (const claim of CLAIMS) {
      t.ok(claim.ratio !== undefined || claim.afterMs !== undefined, claim.row)
      for (const [from, to] of [claim.beforeMs, claim.afterMs, claim.ratio].filter(one => one !== undefined)) {
        t.ok(from > 0 && from <= to, claim.row)
      }
    }
    const rows = CLAIMS.map(({ report, row }) => `${report} ${row}`)
    t.equal(new Set(rows).size, rows.length)
    const used = new Set(CLAIMS.flatMap(claim => claim.scenarios))
    t.same(
      SCENARIO_NAMES.filter(name => !used.has(name)),
      [],
    )
  },
)

await t.test('every scenario has questions, none twice', async t => {
  t.same(
    scenarios.map(({ name }) => name),
    [...SCENARIO_NAMES],
  )
  for (const { name, state, questions } of scenarios) {
    t.ok(questions.length > 0, name)
    const names = questions.map(question => question.name)
    if (state !== 'mixed') t.equal(new Set(names).size, names.length, name)
  }
})

await t.test('nobody asks what a loaded scenario asks before its turn has come', async t => {
  const seen = new Set<string>()
  for (const { name, state, questions } of scenarios) {
    const names = questions.map(question => question.name)
    if (state === 'loaded')
      t.notOk(
        names.some(one => seen.has(one)),
        name,
      )
    for (const one of names) seen.add(one)
  }
})

await t.test("new users' dashboards are asked for in one scenario only", async t => {
  const isNew = (path: string) => facts.newUsers.some(id => path.endsWith(`/${id}`) && path.includes('gamification'))
  const asking = scenarios.filter(({ questions }) => questions.some(({ name }) => isNew(name)))
  t.same(
    asking.map(({ name }) => name),
    ['dashboard, new user'],
  )
})

await t.test('whose token is used never gets new ones meanwhile, and five sign in at once', async t => {
  const asksOf = (name: string) =>
    scenarios.find(one => one.name === name)?.questions.map(({ after }) => after as PathAsk & TogetherAsk) ?? []
  const holders = new Set(['token verify', 'profile'].flatMap(asksOf).map(({ as }) => as))
  const renewers = asksOf('token refresh').map(({ renews }) => renews)
  t.equal(holders.size, sizes.accounts)
  t.equal(new Set(renewers).size, sizes.accounts)
  t.notOk(renewers.some(account => account === undefined || holders.has(account)))
  for (const { together } of asksOf('five logins at once')) t.equal(together.length, 5)
})

await t.test('the first users are the busiest, and no scenario gets more of them than another', async t => {
  const ids = range(1000)
  const order = scattered(ids)
  t.same(
    order.toSorted((a, b) => a - b),
    ids,
  )
  for (const part of [order.slice(0, 300), order.slice(300, 700), order.slice(700)]) {
    const early = part.filter(id => id <= 500).length / part.length
    t.ok(early > 0.45 && early < 0.55, String(early))
  }
})

await t.test('things are taken at equal distances, or all when there are too few', async t => {
  t.same(spread(range(10), 5), [1, 3, 5, 7, 9])
  t.same(spread([1, 2], 5), [1, 2])
})
