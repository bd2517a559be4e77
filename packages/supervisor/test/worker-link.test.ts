// The worker's end of the protocol against a scripted process: every state with every thing that can happen in it.
import t from 'tap'
import { connectToSupervisor, type FleetFigures, type WorkerProcessLike } from '@plimsoll/supervisor'
import { FakeClock } from './fixture/fake-clock.ts'

type Listener = (message?: unknown) => void

class ScriptedProcess implements WorkerProcessLike {
  readonly env: Record<string, string | undefined>
  readonly sent: { type: string }[] = []
  readonly exits: number[] = []
  send?: (message: unknown, callback: (error: Error | null) => void) => boolean
  readonly #listeners = new Map<string, Listener>()

  constructor(env: Record<string, string | undefined>, hasChannel = true) {
    this.env = env
    if (hasChannel) {
      this.send = (message, callback) => {
        structuredClone(message) // Refuses what the channel would refuse.
        this.sent.push(message as { type: string })
        process.nextTick(callback, new Error('EPIPE')) // Whoever sends has to live with that.
        return true
      }
    }
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener)
  }

  exit(code: number): void {
    this.exits.push(code)
  }

  /** Something happens to the process; false when it would have its default effect. */
  emit(event: string, message?: unknown): boolean {
    const listener = this.#listeners.get(event)
    listener?.(message)
    return listener !== undefined
  }
}

const IDENTITY = { PLIMSOLL_WORKER: '3', PLIMSOLL_GENERATION: '14', PLIMSOLL_SOCKET: '/run/x/3-14.sock' }
const FLEET: FleetFigures = {
  atMs: 1_000_000,
  size: { wanted: 1, min: 1, max: 1 },
  health: { status: 'ok', ready: 1, workers: 1, reasons: [] },
  workers: [],
  metrics: [],
}
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

await t.test('a supervised worker knows who it is', t => {
  const link = connectToSupervisor(new ScriptedProcess(IDENTITY))
  t.match(link, { supervised: true, worker: 3, generation: 14, socketPath: '/run/x/3-14.sock' })
  t.end()
})

await t.test('without a channel, or without an identity, there is no supervisor', t => {
  const alone = { supervised: false, worker: 0, generation: 0, socketPath: null }
  t.match(connectToSupervisor(new ScriptedProcess(IDENTITY, false)), alone)
  const stranger = new ScriptedProcess({})
  const link = connectToSupervisor(stranger)
  t.match(link, alone)
  link.ready()
  t.same(stranger.sent, [], 'nothing is said to a parent that is no supervisor')
  t.end()
})

await t.test('an identity that is none is refused by name', t => {
  for (const text of ['', 'one', '-1', undefined]) {
    const link = new ScriptedProcess({ ...IDENTITY, PLIMSOLL_WORKER: text })
    t.throws(() => connectToSupervisor(link), { code: 'SUPERVISOR_ERR_OPTION', message: /PLIMSOLL_WORKER/ })
  }
  t.end()
})

await t.test('drain runs the handler, says drained with the last figures, and exits when told', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process)
  const handler = Promise.withResolvers<void>()
  let drains = 0
  link.onDrain(() => {
    drains++
    return handler.promise
  })
  link.serveMetrics({ getMetricsAsJSON: () => Promise.resolve([{ name: 'x' }]) })
  link.ready()
  link.ready()
  t.same(process.sent, [{ type: 'worker:ready' }])
  process.emit('message', { type: 'supervisor:drain' })
  process.emit('message', { type: 'supervisor:drain' })
  t.ok(process.emit('SIGTERM'))
  await turn()
  t.equal(drains, 1)
  t.equal(process.sent.length, 1, 'not before the handler is done')
  handler.resolve()
  await turn()
  t.same(process.sent.slice(1), [{ type: 'worker:drained', metrics: [{ name: 'x' }], error: null }])
  t.same(process.exits, [], 'not before its last figures have been read')
  process.emit('message', { type: 'supervisor:exit', code: 0 })
  t.same(process.exits, [0])
})

await t.test('a handler that fails is told as the error', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process)
  link.onDrain(() => Promise.reject(new Error('stuck')))
  link.ready()
  process.emit('message', { type: 'supervisor:drain' })
  await turn()
  t.match(process.sent.at(-1), { type: 'worker:drained', error: 'stuck' })
})

await t.test('SIGTERM drains, and the supervisor is told first; SIGINT is ignored', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process)
  link.onDrain(() => {
    t.match(process.sent.at(-1), { type: 'worker:draining' })
    return Promise.resolve()
  })
  link.ready()
  t.ok(process.emit('SIGINT'))
  await turn()
  t.same(process.sent, [{ type: 'worker:ready' }])
  process.emit('SIGTERM')
  await turn()
  t.match(
    process.sent.map(({ type }) => type),
    ['worker:ready', 'worker:draining', 'worker:drained'],
  )
})

await t.test(
  'a terminal that is closed sends SIGHUP to the whole group; supervised, it is left to the supervisor',
  async t => {
    const process = new ScriptedProcess(IDENTITY)
    connectToSupervisor(process)
    t.ok(process.emit('SIGHUP'), 'also before it is ready')
    const serving = new ScriptedProcess(IDENTITY)
    connectToSupervisor(serving).ready()
    t.ok(serving.emit('SIGHUP'), 'the default effect would end it at once')
    await turn()
    t.same(serving.sent, [{ type: 'worker:ready' }])
    t.same([...process.exits, ...serving.exits], [])
  },
)

await t.test('without a supervisor SIGHUP drains, and a second one exits', async t => {
  const process = new ScriptedProcess({}, false)
  const link = connectToSupervisor(process)
  const handler = Promise.withResolvers<void>()
  let drains = 0
  link.onDrain(() => {
    drains++
    return handler.promise
  })
  link.ready()
  t.ok(process.emit('SIGHUP'))
  await turn()
  t.equal(drains, 1)
  t.same(process.exits, [])
  process.emit('SIGHUP')
  t.same(process.exits, [1])
})

await t.test('before it is ready there is nothing to drain: drain, SIGTERM and a lost channel exit at once', t => {
  for (const [event, message] of [['message', { type: 'supervisor:drain' }], ['SIGTERM'], ['disconnect']] as const) {
    const process = new ScriptedProcess(IDENTITY)
    connectToSupervisor(process, { clock: new FakeClock() })
    process.emit(event, message)
    t.same(process.exits, [1], event)
  }
  t.end()
})

await t.test('when the supervisor is gone it drains by itself and exits', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process, { clock: new FakeClock() })
  link.ready()
  process.emit('disconnect')
  await turn()
  t.same(process.exits, [0])
})

await t.test('when the supervisor is gone a drain that takes too long is cut off', async t => {
  const clock = new FakeClock()
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process, { clock, orphanDrainMs: 5000 })
  link.onDrain(() => new Promise(() => {}))
  link.ready()
  process.emit('disconnect')
  clock.advance(4999)
  await turn()
  t.same(process.exits, [])
  clock.advance(1)
  t.same(process.exits, [1])
})

await t.test('when the supervisor goes in mid-drain it exits after it; when it had drained, at once', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process, { clock: new FakeClock() })
  const handler = Promise.withResolvers<void>()
  link.onDrain(() => handler.promise)
  link.ready()
  process.emit('message', { type: 'supervisor:drain' })
  process.emit('disconnect')
  handler.resolve()
  await turn()
  t.same(process.exits, [0])

  const drained = new ScriptedProcess(IDENTITY)
  connectToSupervisor(drained, { clock: new FakeClock() }).ready()
  drained.emit('message', { type: 'supervisor:drain' })
  await turn()
  drained.emit('disconnect')
  t.same(drained.exits, [0])
})

await t.test('questions for figures that pile up get one answer, for the newest', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process)
  const figures = Promise.withResolvers<object[]>()
  let collections = 0
  link.serveMetrics({
    getMetricsAsJSON() {
      collections++
      return figures.promise
    },
  })
  for (const round of [4, 5, 6]) process.emit('message', { type: 'supervisor:metrics', round })
  figures.resolve([])
  await turn()
  t.equal(collections, 1)
  t.same(process.sent, [{ type: 'worker:metrics', round: 6, metrics: [], error: null }])
  process.emit('message', { type: 'supervisor:metrics', round: 7 })
  await turn()
  t.match(process.sent.at(-1), { round: 7 })
})

await t.test('figures that fail, or cannot be sent, are answered with why', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process)
  link.serveMetrics({ getMetricsAsJSON: () => Promise.reject(new Error('collector broke')) })
  process.emit('message', { type: 'supervisor:metrics', round: 1 })
  await turn()
  t.match(process.sent.at(-1), { type: 'worker:metrics', round: 1, metrics: null, error: 'collector broke' })
  link.serveMetrics({ getMetricsAsJSON: () => Promise.resolve([{ name: 'x', get: () => 1 }]) })
  process.emit('message', { type: 'supervisor:metrics', round: 2 })
  await turn()
  t.match(process.sent.at(-1), { type: 'worker:metrics', round: 2, metrics: null, error: /could not be cloned/ })
})

await t.test('the fleet is asked for once at a time, and given to all who asked', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process, { clock: new FakeClock() })
  const both = Promise.all([link.fleet(), link.fleet()])
  t.same(process.sent, [{ type: 'worker:fleet', ask: 1 }], 'also before it is ready')
  process.emit('message', { type: 'supervisor:fleet', ask: 1, figures: FLEET, error: null })
  t.same(await both, [FLEET, FLEET])
  const next = link.fleet()
  t.same(process.sent.at(-1), { type: 'worker:fleet', ask: 2 })
  process.emit('message', { type: 'supervisor:fleet', ask: 2, figures: FLEET, error: null })
  t.same(await next, FLEET)
})

await t.test(
  'a supervisor that does not answer is waited for so long and no longer; its late answer is for nobody',
  async t => {
    const clock = new FakeClock()
    const process = new ScriptedProcess(IDENTITY)
    const link = connectToSupervisor(process, { clock, fleetTimeoutMs: 500 })
    const refused = { code: 'SUPERVISOR_ERR_FLEET_FIGURES' }
    const silent = t.rejects(link.fleet(), { ...refused, message: /no answer within 500 ms/ })
    clock.advance(499)
    await turn()
    t.equal(clock.pending, 1)
    clock.advance(1)
    await silent
    const second = link.fleet()
    process.emit('message', { type: 'supervisor:fleet', ask: 1, figures: { ...FLEET, atMs: 1 }, error: null })
    process.emit('message', { type: 'supervisor:fleet', ask: 2, figures: FLEET, error: null })
    process.emit('message', { type: 'supervisor:fleet', ask: 2, figures: FLEET, error: null })
    t.same(await second, FLEET)
    t.equal(clock.pending, 0)
  },
)

await t.test('an answer that is none, an error, and a channel that closes are told as the one code', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process, { clock: new FakeClock() })
  const refused = { code: 'SUPERVISOR_ERR_FLEET_FIGURES' }
  const answers = [
    { figures: { ...FLEET, workers: 'all' }, error: null },
    { figures: null, error: null },
    { figures: FLEET, error: 'the registry broke' },
  ]
  for (const [index, answer] of answers.entries()) {
    const asked = t.rejects(link.fleet(), refused)
    process.emit('message', { type: 'supervisor:fleet', ask: index + 1, ...answer })
    await asked
  }
  const open = t.rejects(link.fleet(), { ...refused, message: /closed/ })
  process.emit('disconnect')
  await open
  await t.rejects(link.fleet(), { ...refused, message: /closed/ })
  t.equal(process.sent.filter(({ type }) => type === 'worker:fleet').length, 4, 'there is nobody left to ask')
})

await t.test('messages that are not of the protocol are left alone', async t => {
  const process = new ScriptedProcess(IDENTITY)
  connectToSupervisor(process).ready()
  for (const message of [null, 'supervisor:drain', { type: 'config' }, { cmd: 'NODE_HANDLE' }])
    process.emit('message', message)
  await turn()
  t.equal(process.sent.length, 1)
  t.same(process.exits, [])
})

await t.test('without a supervisor SIGINT and SIGTERM drain and exit, and a second one exits at once', async t => {
  const process = new ScriptedProcess({}, false)
  const link = connectToSupervisor(process)
  const handler = Promise.withResolvers<void>()
  link.onDrain(() => handler.promise)
  link.ready()
  t.ok(process.emit('SIGINT'))
  t.same(process.exits, [])
  handler.resolve()
  await turn()
  t.same(process.exits, [0])

  const impatient = new ScriptedProcess({}, false)
  const second = connectToSupervisor(impatient)
  second.onDrain(() => new Promise(() => {}))
  second.ready()
  impatient.emit('SIGINT')
  impatient.emit('SIGTERM')
  t.same(impatient.exits, [1])
})

await t.test('readiness can be taken back and given again, and a drain comes from either', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const link = connectToSupervisor(process)
  link.unready('too early')
  t.same(process.sent, [], 'who has never been ready has nothing to take back')
  link.ready()
  link.unready('no database')
  link.unready('still none')
  link.ready()
  link.ready()
  link.unready('no database')
  t.same(process.sent, [
    { type: 'worker:ready' },
    { type: 'worker:unready', reason: 'no database' },
    { type: 'worker:ready' },
    { type: 'worker:unready', reason: 'no database' },
  ])
  process.emit('message', { type: 'supervisor:drain' })
  await turn()
  t.match(process.sent.at(-1), { type: 'worker:drained' })
  link.ready()
  t.match(process.sent.at(-1), { type: 'worker:drained' }, 'and none of it after that')
})

await t.test('reports go out about once a second while it serves, and none waits behind another', async t => {
  const process = new ScriptedProcess(IDENTITY)
  const clock = new FakeClock()
  const link = connectToSupervisor(process, { clock })
  link.report({ utilization: 0.1 })
  link.ready()
  link.report({ utilization: 0.2 })
  link.report({ utilization: 0.3 })
  clock.advance(1000)
  link.report({ utilization: 0.4 })
  t.same(process.sent.slice(1), [{ type: 'worker:report', utilization: 0.2 }], 'the first has not left yet')
  await turn()
  link.report({ utilization: 0.5 })
  await turn()
  clock.advance(899)
  link.report({ utilization: 0.6 })
  clock.advance(1)
  link.unready('no database')
  link.report({ utilization: 0.7 })
  t.same(
    process.sent.filter(({ type }) => type === 'worker:report'),
    [0.2, 0.5, 0.7].map(utilization => ({ type: 'worker:report', utilization })),
  )
})

await t.test(
  'a request to be recycled is sent once, again when it becomes an emergency, and not before it is ready',
  t => {
    const process = new ScriptedProcess(IDENTITY)
    const link = connectToSupervisor(process)
    link.requestRecycle('leak', 'early')
    t.same(process.sent, [])
    link.ready()
    link.requestRecycle('leak', 'again')
    link.requestRecycle('fragmentation', 'other')
    link.requestRecycle('emergency', '96 %')
    link.requestRecycle('emergency', '97 %')
    link.unready('no database')
    link.ready()
    t.same(
      process.sent.filter(({ type }) => type === 'worker:recycle'),
      [
        { type: 'worker:recycle', reason: 'leak', detail: 'early' },
        { type: 'worker:recycle', reason: 'emergency', detail: '96 %' },
      ],
    )
    t.end()
  },
)

await t.test('without a supervisor all of this may be called, and says nothing', async t => {
  const stranger = new ScriptedProcess({})
  const link = connectToSupervisor(stranger)
  link.ready()
  link.report({ utilization: 0.5 })
  link.unready('no database')
  link.requestRecycle('leak', '')
  t.equal(await link.fleet(), null)
  t.same(stranger.sent, [])
})
