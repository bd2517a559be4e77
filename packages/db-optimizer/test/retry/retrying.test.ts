import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { DbError } from '../../src/errors.ts'
import type { Phase } from '../../src/retry/classification.ts'
import { RetryBudget } from '../../src/retry/retry-budget.ts'
import { RetryPolicy } from '../../src/retry/retry-policy.ts'
import { retrying, type Attempt, type FailedAttempt, type RetryingOptions } from '../../src/retry/retrying.ts'
import { instantTimers, type InstantTimers } from './instant-timers.ts'

const lost = (): Error => Object.assign(new Error('x'), { code: 'CONNECTION_CLOSED' })
const refused = (): Error => Object.assign(new Error('x'), { code: 'ECONNREFUSED', syscall: 'connect' })
const answer = (code: string, severity = 'ERROR'): Error => Object.assign(new Error('x'), { code, severity })

function setUp(more: Partial<RetryingOptions> = {}, budget = {}): RetryingOptions & { timers: InstantTimers } {
  const timers = instantTimers()
  const policy = new RetryPolicy({ budget: new RetryBudget(timers, budget), random: { next: () => 0.9 } })
  return { policy, timers, readOnly: false, idempotent: false, ...more } as RetryingOptions & { timers: InstantTimers }
}

/** Fails so often, in this phase, and then gives the number of the attempt. */
function failing<T>(times: number, phase: Phase, error: () => Error) {
  const seen: Attempt<T | number>[] = []
  const run = (attempt: Attempt<T | number>): Promise<number> => {
    seen.push(attempt)
    attempt.phase = phase
    return attempt.number <= times ? Promise.reject(error()) : Promise.resolve(attempt.number)
  }
  return { run, seen }
}

await t.test('a conflict is run again, with growing pauses', async t => {
  const options = setUp()
  const { run } = failing(2, 'execute', () => answer('40001'))
  t.equal(await retrying(run, options), 3)
  t.same(options.timers.delaysMs, [45, 90])
})

await t.test('after three attempts the error is given as it is', async t => {
  const { run, seen } = failing(9, 'execute', () => answer('40P01'))
  await t.rejects(retrying(run, setUp()), { code: '40P01' })
  t.equal(seen.length, 3)
})

await t.test('a lost answer to a lone write is never run again', async t => {
  const { run, seen } = failing(9, 'execute', lost)
  await t.rejects(retrying(run, setUp({ name: 'user.add' })), {
    code: 'DB_ERR_OUTCOME_UNKNOWN',
    outcome: 'unknown',
    statementName: 'user.add',
    message: /"user\.add" may have been executed/,
    cause: { code: 'CONNECTION_CLOSED' },
  })
  t.equal(seen.length, 1)
})

await t.test('a read, and what was declared idempotent, is', async t => {
  t.equal(await retrying(failing(1, 'execute', lost).run, setUp({ readOnly: true })), 2)
  t.equal(await retrying(failing(2, 'commit', lost).run, setUp({ idempotent: true })), 3)
  await t.rejects(retrying(failing(3, 'execute', lost).run, setUp({ readOnly: true })), { code: 'CONNECTION_CLOSED' })
  await t.rejects(retrying(failing(3, 'execute', lost).run, setUp({ idempotent: true })), {
    code: 'DB_ERR_OUTCOME_UNKNOWN',
  })
})

await t.test('a later failure does not make an unknown outcome known', async t => {
  const errors = [lost, refused, () => answer('23505')]
  for (const last of [1, 2]) {
    const run = (attempt: Attempt<never>): Promise<never> => {
      attempt.phase = 'execute'
      const make = attempt.number === 1 ? lost : (errors[last] as () => Error)
      return Promise.reject(make())
    }
    await t.rejects(retrying(run, setUp({ idempotent: true })), { code: 'DB_ERR_OUTCOME_UNKNOWN' })
  }
})

await t.test('a route that can not be reached is left at once for the next, whatever the budget says', async t => {
  const options = setUp({ hasOtherRoute: avoid => !avoid.has('direct') }, { ratio: 0, minPerSecond: 0 })
  const routes: string[] = []
  const run = (attempt: Attempt<string>): Promise<string> => {
    attempt.route = attempt.avoidRoutes.has('pooled') ? 'direct' : 'pooled'
    attempt.phase = 'connect'
    routes.push(attempt.route)
    return attempt.route === 'pooled' ? Promise.reject(refused()) : Promise.resolve(attempt.route)
  }
  t.equal(await retrying(run, options), 'direct')
  t.same(routes, ['pooled', 'direct'])
  t.same(options.timers.delaysMs, [])
})

await t.test('when every route was tried, the first is tried again after a pause', async t => {
  const options = setUp({ hasOtherRoute: avoid => !(avoid.has('direct') && avoid.has('pooled')) })
  const routes: string[] = []
  const run = (attempt: Attempt<string>): Promise<string> => {
    attempt.route = attempt.avoidRoutes.has('pooled') ? 'direct' : 'pooled'
    attempt.phase = 'connect'
    routes.push(attempt.route)
    return routes.length < 3 ? Promise.reject(refused()) : Promise.resolve(attempt.route)
  }
  t.equal(await retrying(run, options), 'pooled')
  t.same(routes, ['pooled', 'direct', 'pooled'])
  t.equal(options.timers.delaysMs.length, 1)
})

await t.test('an unknown commit is asked for before anything else is decided', async t => {
  for (const [status, expected] of [
    ['committed', 'first'],
    ['aborted', 'second'],
  ] as const) {
    const asked: string[] = []
    const options = setUp({
      resolve: async xid => {
        asked.push(xid)
        return { status }
      },
    })
    const run = (attempt: Attempt<string>): Promise<string> => {
      attempt.phase = 'commit'
      attempt.pendingCommit = { xid: '700', value: 'first' }
      return attempt.number === 1 ? Promise.reject(lost()) : Promise.resolve('second')
    }
    t.equal(await retrying(run, options), expected, status)
    t.same(asked, ['700'])
  }
})

await t.test('a commit that stays unknown is reported with the transaction to look for', async t => {
  const run = (attempt: Attempt<string>): Promise<string> => {
    attempt.phase = 'commit'
    attempt.pendingCommit = { xid: '700', value: 'x' }
    return Promise.reject(lost())
  }
  for (const resolve of [
    async () => ({ status: 'too-old' }) as const,
    () => Promise.reject(new Error('x')),
    undefined,
  ]) {
    const options = setUp(resolve === undefined ? {} : { resolve })
    await t.rejects(retrying(run, options), { code: 'DB_ERR_OUTCOME_UNKNOWN', xid: '700', message: /transaction 700/ })
  }
})

await t.test('a transaction that has no id wrote nothing, and runs again', async t => {
  const run = (attempt: Attempt<number>): Promise<number> => {
    attempt.phase = 'commit'
    attempt.pendingCommit = { xid: null, value: 0 }
    return attempt.number === 1 ? Promise.reject(lost()) : Promise.resolve(attempt.number)
  }
  t.equal(await retrying(run, setUp()), 2)
})

await t.test('the signal ends a pause, and the error says what is known', async t => {
  for (const [make, outcome] of [
    [() => answer('40001'), 'rolled-back'],
    [lost, 'unknown'],
  ] as const) {
    const controller = new AbortController()
    const options = setUp({ idempotent: true, signal: controller.signal, onFailedAttempt: () => controller.abort() })
    const { run, seen } = failing(9, 'execute', make)
    await t.rejects(retrying(run, options), { code: 'DB_ERR_ABORTED', outcome })
    t.equal(seen.length, 1)
  }
})

await t.test('a listener is told about every failed attempt', async t => {
  const told: FailedAttempt[] = []
  const options = setUp({ onFailedAttempt: failed => told.push(failed) })
  await t.rejects(retrying(failing(9, 'execute', () => answer('40001')).run, options))
  t.same(
    told.map(({ attempt, classification, decision }) => [attempt, classification.reason, decision.again]),
    [
      [1, 'serialization', true],
      [2, 'serialization', true],
      [3, 'serialization', false],
    ],
  )
})

// A database that fails at random, and remembers what it did. Nothing of it knows the rules of retrying.
await t.test('in 20,000 calls against a failing database nothing is done twice, lost, or misreported', async t => {
  const random = new SeededRandom(7)
  const wrong: unknown[] = []
  const tally = { answered: 0, refused: 0, unknown: 0, attempts: 0 }
  const timers = instantTimers()
  const budget = new RetryBudget(timers)
  const policy = new RetryPolicy({ budget, random })
  for (let call = 0; call < 20_000; call++) {
    const kind = random.pick(['write', 'idempotent', 'transaction'] as const)
    const deadlineMs = timers.now() + random.integer(0, 300)
    const effects: number[] = []
    const xids = new Map<string, boolean>()
    const starts: number[] = []
    const run = async (attempt: Attempt<string>): Promise<string> => {
      tally.attempts++
      starts.push(timers.now())
      timers.pass(random.integer(0, 5))
      const xid = String(1 + call * 10 + attempt.number)
      const fails = random.next() < 0.6
      const at: Phase = random.pick(
        kind === 'transaction' ? ['acquire', 'connect', 'transaction', 'commit'] : ['connect', 'execute'],
      )
      for (const phase of kind === 'transaction'
        ? (['acquire', 'connect', 'transaction', 'commit'] as const)
        : (['acquire', 'connect', 'execute'] as const)) {
        attempt.phase = phase
        if (phase === 'commit') attempt.pendingCommit = { xid, value: xid }
        const last = phase === 'execute' || phase === 'commit'
        if (!(fails && at === phase)) {
          if (last) effects.push(attempt.number)
          if (phase === 'commit') xids.set(xid, true)
          continue
        }
        // The connection dies: before or after the server did it. Otherwise the server undoes it, and says so.
        const dies = random.next() < 0.5
        const done = last && dies && random.next() < 0.5
        if (done) effects.push(attempt.number)
        if (phase === 'commit') xids.set(xid, done)
        if (dies) throw last || phase === 'transaction' ? lost() : refused()
        throw answer(random.pick(['40001', '40P01', '23505', '22P02', '42P01', '57014', '53200', '25006']))
      }
      return xid
    }
    const resolve = async (xid: string): Promise<{ status: 'committed' | 'aborted' | 'too-old' }> => ({
      status: random.next() < 0.2 ? 'too-old' : xids.get(xid) === true ? 'committed' : 'aborted',
    })
    const options = { policy, timers, readOnly: false, idempotent: kind === 'idempotent', deadlineMs, resolve }
    const outcome = await retrying(run, options).then(
      () => 'answered' as const,
      (error: unknown): 'unknown' | 'refused' =>
        error instanceof DbError && error.outcome === 'unknown' ? 'unknown' : 'refused',
    )
    tally[outcome]++
    const twice = kind !== 'idempotent' && effects.length > 1
    const missing = outcome === 'answered' && effects.length === 0
    const misreported = outcome === 'refused' && effects.length > 0
    const late = starts.slice(1).some(startMs => startMs >= deadlineMs)
    if (twice || missing || misreported || late || starts.length > 3) {
      wrong.push({ call, kind, outcome, effects, starts, deadlineMs })
    }
  }
  t.same(wrong, [])
  t.ok(tally.answered > 5000 && tally.refused > 1000 && tally.unknown > 500, JSON.stringify(tally))
  t.ok(budget.refusedTotal > 0, 'the budget held some back')
})
