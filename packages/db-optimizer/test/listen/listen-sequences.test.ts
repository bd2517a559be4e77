// Any order of listen, stop and lost connections ends as the last of them says: who listens gets each message once, who stopped gets none.
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { until } from '@plimsoll/testing'
import type { Notifications, StopListening } from '../../src/listen/notifications.ts'
import { emptyDatabase } from '../fixture/database.ts'
import { endSession, listeningTo, newLog, type Log } from './listening.ts'

const CHANNELS = ['a', 'B', 'c "d"'] as const

type Step =
  | { readonly do: 'listen'; readonly channel: (typeof CHANNELS)[number] }
  /** Of one of those so far, as soon as it's confirmed. */
  | { readonly do: 'stop'; readonly which: number }
  | { readonly do: 'let a turn pass' | 'wait for all' | 'lose the connection' }

interface Listener {
  readonly channel: string
  readonly log: Log
  readonly listening: Promise<StopListening>
  stopped: boolean
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('listen' as const), channel: fc.constantFrom(...CHANNELS) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('stop' as const), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'let a turn pass' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'wait for all' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'lose the connection' as const }) },
)

const { sql, url } = await emptyDatabase(t)
const { notifications, reported } = listeningTo(t, url)

await t.test('who listens gets each message once, who stopped gets none', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), async steps => {
      const listeners: Listener[] = []
      for (const step of steps) await take(step, listeners)
      await Promise.all(listeners.map(({ listening }) => listening))
      for (const { log } of listeners) log.entries.length = 0
      // Behind all others on the same connection: when it comes, they have come.
      const last = newLog()
      const stopLast = await notifications.listen('last', last.onMessage)
      for (const channel of CHANNELS) await sql`select pg_notify(${channel}, ${channel})`
      await sql`select pg_notify('last', 'last')`
      await last.untilHeard('last')
      const heard = listeners.map(({ log }) => log.payloads)
      const expected = listeners.map(({ channel, stopped }) => (stopped ? [] : [channel]))
      if (JSON.stringify(heard) !== JSON.stringify(expected)) {
        throw new Error(`heard ${JSON.stringify(heard)}, not ${JSON.stringify(expected)}`)
      }
      const active = listeners.filter(({ stopped }) => !stopped)
      const { subscriptions, channels } = notifications.statistics()
      const listened = new Set(active.map(({ channel }) => channel)).size
      if (subscriptions !== active.length + 1 || channels !== listened + 1) {
        throw new Error(`${subscriptions} subscriptions to ${channels} channels remain`)
      }
      stopLast()
      for (const { listening } of listeners) (await listening)()
    }),
    { numRuns: 30 },
  )
  t.same(reported, [])
  t.comment(`${notifications.statistics().reconnectsTotal} connections were lost and replaced`)
})

async function take(step: Step, listeners: Listener[]): Promise<void> {
  switch (step.do) {
    case 'listen': {
      const log = newLog()
      const listening = notifications.listen(step.channel, log.onMessage, { onGap: log.onGap })
      listeners.push({ channel: step.channel, log, listening, stopped: false })
      return
    }
    case 'stop': {
      const listener = listeners[step.which % Math.max(1, listeners.length)]
      if (listener === undefined) return
      listener.stopped = true
      // Those that are confirmed are stopped within this turn.
      void listener.listening.then(stop => stop())
      return
    }
    case 'let a turn pass':
      await nextTurn()
      return
    case 'wait for all':
      await Promise.all(listeners.map(({ listening }) => listening))
      return
    case 'lose the connection':
      await lose(notifications)
      return
    default:
      step satisfies never
  }
}

/** Ends the session, if anybody listens; what was asked for last may be on its way. */
async function lose(notifications: Notifications): Promise<void> {
  const settled = (): boolean => /^(?:listening|idle)$/.test(notifications.statistics().state)
  await until(settled, { what: 'a connection', intervalMs: 1 })
  const { state, backendPid } = notifications.statistics()
  if (state !== 'listening' || backendPid === undefined) return
  await endSession(sql, backendPid)
  await until(() => notifications.statistics().backendPid !== backendPid, { what: 'the loss', intervalMs: 1 })
}
