// The supervisor's end of the question for the fleet, with looks that are scripted and a clock that stands still.
import t from 'tap'
import { FleetAnswers, type FleetAnswer } from '../src/fleet-answers.ts'
import { FleetDesk } from '../src/fleet-desk.ts'
import type { FleetFigures } from '../src/fleet-figures.ts'
import { FakeClock } from './fixture/fake-clock.ts'
import { startScripted, type ScriptedWorker } from './fixture/scripted-fleet.ts'

function figures(atMs: number): FleetFigures {
  return {
    atMs,
    size: { wanted: 1, min: 1, max: 1 },
    health: { status: 'ok', ready: 1, workers: 1, reasons: [] },
    workers: [],
    metrics: [],
  }
}
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

await t.test('those who ask at the same time share a look, and it stands for a second', async t => {
  const clock = new FakeClock()
  let looks = 0
  const desk = new FleetDesk(() => {
    looks++
    return Promise.resolve(figures(clock.now()))
  }, clock)
  const [first, second] = await Promise.all([desk.figures(), desk.figures()])
  t.equal(first, second)
  clock.advance(999)
  t.equal(await desk.figures(), first)
  t.equal(looks, 1)
  clock.advance(1)
  t.not(await desk.figures(), first)
  t.equal(looks, 2)
})

await t.test('a look that fails is told to all who waited for it, and the next one looks again', async t => {
  const clock = new FakeClock()
  const outcomes = [Promise.reject(new Error('broken')), Promise.resolve(figures(clock.now()))]
  const desk = new FleetDesk(() => outcomes.shift() ?? Promise.reject(new Error('not a third time')), clock)
  const failing = [desk.figures(), desk.figures()]
  for (const failed of failing) await t.rejects(failed, { message: 'broken' })
  t.match(await desk.figures(), { atMs: clock.now() })
})

await t.test('a worker that asks without end gets one answer at a time, for its newest question', async t => {
  const sent: { ask: number; answer: FleetAnswer; left: () => void }[] = []
  const known = figures(1)
  const answers = new FleetAnswers(
    () => Promise.resolve(known),
    (ask, answer) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      sent.push({ ask, answer, left: resolve })
      return promise
    },
  )
  for (const ask of [1, 2, 3]) answers.asked(ask)
  await turn()
  t.same(
    sent.map(({ ask, answer }) => [ask, answer]),
    [[3, { figures: known, error: null }]],
  )
  for (const ask of [4, 5]) answers.asked(ask)
  await turn()
  t.equal(sent.length, 1, 'nothing more while that one has not left')
  sent[0]?.left()
  await turn()
  t.same(
    sent.map(({ ask }) => ask),
    [3, 5],
  )
  sent[1]?.left()
  await turn()
  t.equal(sent.length, 2, 'and nothing that nobody asked for')
})

await t.test('what goes wrong is the answer', async t => {
  const sent: FleetAnswer[] = []
  const answers = new FleetAnswers(
    () => Promise.reject(new Error('the registry broke')),
    (_ask, answer) => {
      sent.push(answer)
      return Promise.resolve()
    },
  )
  answers.asked(1)
  await turn()
  t.same(sent, [{ figures: null, error: 'the registry broke' }])
})

await t.test(
  'a worker that asks is answered whatever the others do, and one whose channel fails costs nothing',
  async t => {
    const { supervisor, fleet, clock } = await startScripted(t)
    const [asking, gone] = fleet.workers as [ScriptedWorker, ScriptedWorker]
    const told: object[] = []
    const send = asking.send.bind(asking)
    asking.send = (message, callback) => {
      if (message.type === 'supervisor:fleet') told.push(message)
      return send(message, callback)
    }
    gone.send = (_message, callback) => {
      queueMicrotask(() => callback(new Error('EPIPE')))
      return true
    }
    gone.say('worker:fleet', { ask: 1 })
    asking.say('worker:fleet', { ask: 'all' })
    asking.say('worker:fleet', { ask: 7 })
    // None of the scripted workers ever answers a question for metrics: the round ends by its deadline.
    while (told.length === 0) await clock.advanceAsync(1)
    t.match(told, [
      {
        ask: 7,
        error: null,
        figures: { size: { wanted: 3 }, health: { status: 'ok', ready: 3 }, workers: { length: 3 } },
      },
    ])
    t.equal((await supervisor.figures()).workers.length, 3)
  },
)
