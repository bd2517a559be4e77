import { FakeClock, leakCheck, seededRandom } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { channels, type HealthCheckFinished } from '../../src/channels.ts'
import { ActiveCheck, type ActiveCheckOptions, type CheckKind } from '../../src/health/active-check.ts'
import { PASSED, type Probe, type ProbeResult } from '../../src/health/probe.ts'
import type { Endpoint, EndpointHealth } from '../../src/upstream/endpoint.ts'
import { endpointAt } from './endpoint-at.ts'

leakCheck(t)

const OPTIONS: ActiveCheckOptions = { intervalMs: 2000, changingIntervalMs: 500, timeoutMs: 1000, fall: 3, rise: 2 }
const failed = (message: string, kind: 'connect' | 'timeout' | 'answer' = 'answer'): ProbeResult => ({ kind, message })

/** Answers what the test says, as many checks at a time as there are: more than one is a fault. */
class ScriptedProbe implements Probe {
  readonly #clock: FakeClock
  /** What the next checks see; `hang` waits for the end of its time. When it's empty, `otherwise`. */
  script: (ProbeResult | 'hang')[] = []
  otherwise: ProbeResult = PASSED
  readonly beganAtMs: number[] = []
  running = 0
  mostRunning = 0
  closes = 0

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  async check(signal: AbortSignal): Promise<ProbeResult> {
    this.beganAtMs.push(this.#clock.now())
    this.mostRunning = Math.max(this.mostRunning, ++this.running)
    const next = this.script.shift() ?? this.otherwise
    if (next === 'hang' && !signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve))
    this.running--
    return next === 'hang' ? { kind: 'timeout', message: 'aborted' } : next
  }

  close(): void {
    this.closes++
  }
}

interface Told {
  readonly health: EndpointHealth
  readonly reason: string
  readonly kind: CheckKind | null
}

class Setting {
  readonly clock = new FakeClock()
  readonly probe = new ScriptedProbe(this.clock)
  readonly told: Told[] = []
  readonly checked: [failure: string | null, passesInRow: number][] = []
  readonly endpoint: Endpoint
  readonly check: ActiveCheck

  constructor(t: Test, options: Partial<ActiveCheckOptions> = {}, random = { next: () => 0.5 }) {
    this.endpoint = endpointAt('http://127.0.0.1:1')
    this.check = new ActiveCheck(
      this.endpoint,
      { ...OPTIONS, ...options },
      this.probe,
      random,
      {
        setHealth: (health, reason, kind) => {
          this.told.push({ health, reason, kind })
          this.endpoint.setHealth(health, reason)
        },
        onChecked: ({ failure }, passesInRow) => this.checked.push([failure, passesInRow]),
      },
      this.clock,
    )
    t.teardown(() => this.check.stop())
  }

  /** Runs as many checks as the script has left. */
  async play(...script: (ProbeResult | 'hang')[]): Promise<void> {
    this.probe.script.push(...script)
    if (this.probe.beganAtMs.length === 0) this.check.start()
    while (this.probe.script.length > 0 || this.probe.running > 0) await this.clock.advanceAsync(50)
    await this.clock.advanceAsync(0)
  }
}

await t.test('it starts down, and one pass is enough at the start', async t => {
  const { told, play, endpoint } = bound(new Setting(t))
  t.equal(endpoint.health, 'starting')
  await play(PASSED)
  t.same(told, [{ health: 'up', reason: '1 check passed', kind: 'passed' }])
})

await t.test('it goes down after `fall` failures in a row, and comes back after `rise` passes in a row', async t => {
  const { told, play } = bound(new Setting(t))
  const x = failed('x')
  await play(PASSED, x, x, PASSED, x, x, x, PASSED, x, PASSED, PASSED)
  t.same(
    told.map(({ health, reason }) => `${health}: ${reason}`),
    [
      'up: 1 check passed',
      'down: 3 checks failed, the last: x',
      'down: 1 of 2 checks passed',
      'down: 1 check failed, the last: x',
      'down: 1 of 2 checks passed',
      'up: 2 checks passed',
    ],
  )
})

await t.test('one that never passes says why at each check, and is down after `fall` failures', async t => {
  const { told, play } = bound(new Setting(t))
  await play(failed('ECONNREFUSED', 'connect'), 'hang', failed('answered 500'))
  t.same(told, [
    { health: 'starting', reason: 'the first check has not passed yet: ECONNREFUSED', kind: 'connect' },
    { health: 'starting', reason: 'the first check has not passed yet: no answer within 1000 ms', kind: 'timeout' },
    { health: 'down', reason: '3 checks failed, the last: answered 500', kind: 'answer' },
  ])
})

await t.test('a connection that is not open in time is told apart from an answer that does not come', async t => {
  const { probe, clock, told, check } = bound(new Setting(t, { fall: 1 }))
  probe.check = signal =>
    new Promise(resolve =>
      signal.addEventListener('abort', () => resolve({ kind: 'connect', message: 'not open in time' })),
    )
  check.start()
  await clock.advanceAsync(1000)
  t.same(told, [{ health: 'down', reason: '1 check failed, the last: no connection within 1000 ms', kind: 'connect' }])
})

await t.test('after somebody else has said down, passes from before do not count', async t => {
  const { told, play, endpoint } = bound(new Setting(t))
  await play(PASSED, PASSED, PASSED)
  endpoint.setHealth('down', 'a request could not connect')
  await play(PASSED)
  t.equal(endpoint.health, 'down')
  await play(PASSED)
  t.same(told.at(-1), { health: 'up', reason: '2 checks passed', kind: 'passed' })
})

await t.test('each check is told with the passes in a row, then published, then its meaning is told', async t => {
  const { endpoint, checked, told, play, check } = bound(new Setting(t))
  const published: HealthCheckFinished[] = []
  const orders: number[][] = []
  const hear = (message: unknown) => {
    published.push(message as HealthCheckFinished)
    orders.push([checked.length, told.length])
  }
  channels.healthCheckFinished.subscribe(hear)
  t.teardown(() => channels.healthCheckFinished.unsubscribe(hear))
  await play(PASSED, PASSED, failed('x'), PASSED)
  t.same(checked, [
    [null, 1],
    [null, 2],
    ['x', 0],
    [null, 1],
  ])
  t.same(
    published.map(each => [each.endpoint === endpoint, each.failure]),
    [
      [true, null],
      [true, null],
      [true, 'x'],
      [true, null],
    ],
  )
  t.same(orders[0], [1, 0])
  t.equal(check.passesInRow, 1)
  check.restartRow()
  t.equal(check.passesInRow, 0)
})

await t.test('a draining endpoint is checked like any other', async t => {
  const clock = new FakeClock()
  const probe = new ScriptedProbe(clock)
  const endpoint = endpointAt('http://127.0.0.1:1', 'draining')
  const told: string[] = []
  const listener = { setHealth: (health: string) => void told.push(health), onChecked: () => {} }
  const check = new ActiveCheck(endpoint, OPTIONS, probe, { next: () => 0.5 }, listener, clock)
  t.teardown(() => check.stop())
  check.start()
  await clock.advanceAsync(10_000)
  t.equal(told[0], 'up')
  t.ok(probe.beganAtMs.length > 3)
})

await t.test('waits are ± 10 %, shorter while anything is in doubt, and the first quiet one is a part', async t => {
  const random = seededRandom(t)
  for (let run = 0; run < 20; run++) {
    const rise = random.integer(1, 3)
    const fall = random.integer(1, 3)
    const intervalMs = random.pick([300, 2000, 10_000])
    const setting = new Setting(t, { rise, fall, intervalMs }, random)
    const { probe, endpoint, check, clock, checked } = setting
    const changingMs = Math.min(500, intervalMs)
    check.start()
    await clock.advanceAsync(0)
    let quietSeen = false
    const first: number[] = []
    for (let i = 0; i < 150; i++) {
      probe.otherwise = random.next() < 0.7 ? PASSED : failed('x')
      // To the next check, and behind it.
      for (; probe.beganAtMs.length === i; await clock.advanceAsync(0)) clock.runNext()
      const began = probe.beganAtMs[i] as number
      const isQuiet = endpoint.health === 'up' && checked.at(-1)?.[0] === null
      if (i > 0 && first.length > 0) {
        const [from, least, most] = first as [number, number, number]
        const waited = began - from
        // The clock's timers are cut to whole milliseconds, at least one.
        if (waited < Math.floor(least) - 1 || waited > Math.max(1, most))
          t.fail(`check ${i} came after ${waited} ms, not ${least} to ${most}`)
      }
      const base = isQuiet ? intervalMs : changingMs
      first.splice(0, 3, began, isQuiet && !quietSeen ? 0 : base * 0.9, isQuiet && !quietSeen ? base : base * 1.1)
      quietSeen ||= isQuiet
    }
    t.ok(quietSeen)
    t.equal(probe.mostRunning, 1)
    check.stop()
    t.equal(clock.pending, 0)
  }
})

await t.test('endpoints that start together are soon spread over the interval', async t => {
  const random = seededRandom(t)
  const settings = Array.from({ length: 200 }, () => {
    const setting = new Setting(t, {}, random)
    setting.check.start()
    return setting
  })
  for (const { clock } of settings) await clock.advanceAsync(2100)
  const slots = new Set(settings.map(({ probe }) => Math.floor((probe.beganAtMs[1] ?? -1) / 200)))
  t.ok(slots.size >= 9, `second checks fall into ${slots.size} of 10 slots`)
})

await t.test('a slow endpoint is asked again only when it has answered or its time is over', async t => {
  const { probe, play, clock } = bound(new Setting(t))
  await play('hang', 'hang', PASSED)
  t.equal(probe.mostRunning, 1)
  t.same(probe.beganAtMs, [0, 1500, 3000])
  t.ok(clock.now() >= 3000)
})

await t.test('hurry looks again at once over a new connection, and during a check right behind it', async t => {
  const { probe, play, clock, check } = bound(new Setting(t))
  await play(PASSED)
  await clock.advanceAsync(200)
  t.equal(probe.beganAtMs.length, 1)
  const closes = probe.closes
  check.hurry()
  check.hurry()
  await clock.advanceAsync(1)
  t.equal(probe.beganAtMs.length, 2)
  t.equal(probe.closes, closes + 1)
  t.equal(check.passesInRow, 1, 'what passed before is no evidence')
  probe.script.push('hang')
  while (probe.running === 0) await clock.advanceAsync(100)
  check.hurry()
  const before = probe.beganAtMs.length
  while (probe.running > 0) await clock.advanceAsync(1)
  await clock.advanceAsync(1)
  t.equal(probe.mostRunning, 1)
  t.equal(probe.beganAtMs.length, before + 1)
})

await t.test('a thousand hurries a second are not a thousand checks', async t => {
  const { probe, play, clock, check } = bound(new Setting(t))
  await play(PASSED)
  const before = probe.beganAtMs.length
  for (let i = 0; i < 1000; i++) {
    check.hurry()
    await clock.advanceAsync(1)
  }
  const count = probe.beganAtMs.length - before
  t.ok(count >= 15 && count <= 21, `${count} checks`)
})

await t.test('a check that could not be made counts for nothing', async t => {
  const { probe, endpoint, told, checked, play } = bound(new Setting(t, { fall: 1 }))
  const notMade: ProbeResult = { kind: 'not-made', message: 'EMFILE' }
  await play(notMade)
  t.same(told, [{ health: 'starting', reason: 'the first check could not be made: EMFILE', kind: null }])
  await play(PASSED, notMade, notMade)
  t.equal(endpoint.health, 'up')
  t.equal(told.length, 2)
  t.same(checked, [[null, 1]])
  t.equal(probe.beganAtMs.length, 4)
})

await t.test('a probe that throws has failed, and checks go on', async t => {
  const { probe, told, clock, check } = bound(new Setting(t, { fall: 1 }))
  const check1 = probe.check.bind(probe)
  probe.check = () => {
    probe.check = check1
    throw new Error('a bug')
  }
  check.start()
  await clock.advanceAsync(600)
  t.same(
    told.map(({ health, reason }) => `${health}: ${reason}`),
    ['down: 1 check failed, the last: the check itself failed: a bug', 'up: 1 check passed'],
  )
})

await t.test('after stop nothing runs, nothing is kept and nothing is told, in a wait and in a check', async t => {
  for (const script of [[PASSED], ['hang' as const]]) {
    const { probe, told, checked, clock, check } = bound(new Setting(t))
    probe.script.push(...script)
    check.start()
    await clock.advanceAsync(10)
    const before = [told.length, checked.length]
    check.stop()
    await clock.advanceAsync(0)
    t.equal(probe.running, 0)
    t.equal(probe.closes, 1)
    t.equal(clock.pending, 0)
    check.hurry()
    check.start()
    await clock.advanceAsync(10_000)
    t.equal(probe.beganAtMs.length, 1)
    t.same([told.length, checked.length], before)
  }
})

await t.test('it may be stopped by what it tells', async t => {
  const clock = new FakeClock()
  const probe = new ScriptedProbe(clock)
  const check: ActiveCheck = new ActiveCheck(
    endpointAt('http://127.0.0.1:1'),
    OPTIONS,
    probe,
    { next: () => 0.5 },
    { setHealth: () => check.stop(), onChecked: () => {} },
    clock,
  )
  check.start()
  await clock.advanceAsync(0)
  t.equal(clock.pending, 0)
  await clock.advanceAsync(10_000)
  t.equal(probe.beganAtMs.length, 1)
})

/** With its methods free to be taken out. */
function bound(setting: Setting) {
  const { clock, probe, told, checked, endpoint, check } = setting
  return { clock, probe, told, checked, endpoint, check, play: setting.play.bind(setting) }
}
