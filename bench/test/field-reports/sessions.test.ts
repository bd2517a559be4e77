import t from 'tap'
import { Sessions, type Tokens } from '../../src/field-reports/sessions.ts'

const [ANN, BEN] = ['ann', 'ben'].map((name, i) => ({ userId: i, email: `${name}@example.org`, password: 'any' }))
if (ANN === undefined || BEN === undefined) throw new Error('two accounts')

function setUp() {
  let nowMs = 0
  let given = 0
  const signedIn: string[] = []
  const next = (): Tokens => ({ access: `access ${++given}`, refresh: `refresh ${given}` })
  const sessions = new Sessions(
    async ({ email }) => {
      signedIn.push(email)
      return next()
    },
    { now: () => nowMs },
  )
  return { sessions, signedIn, next, pass: (ms: number) => void (nowMs += ms) }
}

await t.test('an account signs in once, however many ask for its token at the same time', async t => {
  const { sessions, signedIn } = setUp()
  const all = await Promise.all([1, 2, 3].map(() => sessions.tokensOf(ANN)))
  t.equal(new Set(all.map(({ access }) => access)).size, 1)
  t.not((await sessions.tokensOf(BEN)).access, all[0]?.access)
  t.same(signedIn, [ANN.email, BEN.email])
})

await t.test('a refresh token is used once: who comes while it is under way gets the next one', async t => {
  const { sessions, next } = setUp()
  const used: string[] = []
  let underWay = 0
  let mostUnderWay = 0
  const renew = async (refresh: string) => {
    used.push(refresh)
    mostUnderWay = Math.max(mostUnderWay, ++underWay)
    await Promise.resolve()
    underWay--
    return { tokens: next() }
  }
  await Promise.all([1, 2, 3].map(() => sessions.renewal(ANN, renew)))
  t.equal(mostUnderWay, 1)
  t.same(used, ['refresh 1', 'refresh 2', 'refresh 3'])
  t.equal((await sessions.tokensOf(ANN)).access, 'access 4')
})

await t.test('a renewal that fails fails for who asked for it', async t => {
  const { sessions, next } = setUp()
  await t.rejects(
    sessions.renewal(ANN, async () => Promise.reject(new Error('refused'))),
    /refused/,
  )
  await t.resolves(sessions.renewal(ANN, async () => ({ tokens: next() })))
})

await t.test('only tokens that are old are replaced between turns', async t => {
  const { sessions, signedIn, pass } = setUp()
  await sessions.tokensOf(ANN)
  pass(200_000)
  await sessions.tokensOf(BEN)
  await sessions.renewOld()
  t.equal(signedIn.length, 2)
  pass(100_000)
  await sessions.renewOld()
  t.same(signedIn, [ANN.email, BEN.email, ANN.email])
  t.equal((await sessions.tokensOf(ANN)).access, 'access 3')
})
