// A flood of addresses: more than there is room for, as an attacker with a large IPv6 network has them.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createMemoryStore } from '../src/index.ts'
import { SettableClock } from './log-model.ts'

const MAX_KEYS = 2000
const FLOOD = 300_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

function floodedStore() {
  const clock = new SettableClock()
  const rules = [
    { name: 'overall', limit: 10, windowMs: 900_000 },
    { name: 'endpoint', limit: 10, windowMs: 60_000, perScope: true },
  ]
  return { clock, limits: createMemoryStore({ rules, maxKeys: MAX_KEYS, clock }) }
}

await t.test('a flood sets no blocked address free, and costs those who were there nothing', async t => {
  const { clock, limits } = floodedStore()
  for (let i = 0; i < 11; i++) limits.take('blocked', '/x')
  limits.take('calm', '/x')
  t.equal(limits.peek('blocked', '/x').allowed, false)
  for (let i = 0; i < FLOOD; i++) limits.take(`2001:db8:${i.toString(16)}::/64`, '/x')
  clock.nowMs += 1000
  t.equal(limits.take('blocked', '/x').allowed, false)
  t.equal(limits.take('calm', '/x').states[0]?.remaining, 8)
  t.same(
    limits.usage().map(({ keys, isSharing }) => [keys, isSharing]),
    [
      [MAX_KEYS, true],
      [MAX_KEYS, true],
    ],
  )
  clock.nowMs += 900_000
  t.equal(
    limits.take('newcomer', '/x').states[0]?.remaining,
    9,
    'when its windows are over nothing is left of the flood',
  )
  for (let i = 0; i < MAX_KEYS; i++) limits.take(`back ${i % 3}`, '/x')
  t.ok((limits.usage()[0]?.keys ?? Infinity) < MAX_KEYS, 'slots are given back as new keys come')
})

await t.test(
  'a flood grows memory no further than its slots, whatever texts the keys are and were cut from',
  async t => {
    const { clock, limits } = floodedStore()
    const before = heapBytes()
    for (let wave = 0; wave < 4; wave++) {
      for (let i = 0; i < FLOOD / 8; i++) {
        // A head of 4 KiB per request: whoever kept the slices, or the long keys as they are, would keep 4 MiB of each at least.
        const head = `GET / HTTP/1.1\r\nx-client: client-number-${i}-of-the-flood\r\n${'x'.repeat(4096)}`
        const from = head.indexOf('client-number')
        limits.take(i % 2 === 0 ? head : head.slice(from, head.indexOf('\r\n', from)), `/endpoint-${i % 50}`)
      }
      clock.nowMs += 1_000_000
    }
    const grownBytes = heapBytes() - before
    t.ok(grownBytes < 3_000_000, `${grownBytes} bytes more for ${limits.usage()[0]?.keys} keys of two rules`)
  },
)

await t.test('a known key is decided on without allocation', async t => {
  const clock = new SettableClock()
  const rules = [
    { name: 'overall', limit: 1000, windowMs: 900_000 },
    { name: 'endpoint', limit: 100, windowMs: 60_000, perScope: true },
  ]
  const limits = createMemoryStore({ rules, clock, maxKeys: 100 })
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      clock.nowMs += 50
      limits.take('192.0.2.7', '/courses')
    }
  }
  rounds(100_000)
  collect()
  const before = process.memoryUsage().heapUsed
  rounds(100_000)
  const bytesEach = (process.memoryUsage().heapUsed - before) / 100_000
  t.ok(bytesEach < 16, `${bytesEach} bytes per decision`)
})
