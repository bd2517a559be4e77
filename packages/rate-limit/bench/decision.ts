// CPU time of a decision. Run: node packages/rate-limit/bench/decision.ts [rounds]
//
// It counts the process's CPU time, not the clock, and prints least and median of interleaved rounds, since other work on the machine only ever adds.
// The store has the two rules of an address: 1000 in 15 minutes, and 100 a minute per endpoint, and the process's own clock.
import { createClientKeys, createMemoryStore, rateLimitField } from '../src/index.ts'

const DECISIONS = 500_000
const ADDRESSES = 10_000
const MAX_KEYS = 20_000

const rounds = Number(process.argv[2] ?? 7)
const RULES = [
  { name: 'overall', limit: 1_000_000, windowMs: 900_000 },
  { name: 'endpoint', limit: 1_000_000, windowMs: 60_000, perScope: true },
]
const REFUSING = [
  { name: 'overall', limit: 1000, windowMs: 900_000 },
  { name: 'endpoint', limit: 100, windowMs: 60_000, perScope: true },
]
const addresses = Array.from({ length: ADDRESSES }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
const admitting = createMemoryStore({ rules: RULES, maxKeys: MAX_KEYS })
const single = createMemoryStore({ rules: RULES.slice(0, 1), maxKeys: MAX_KEYS })
const refusing = createMemoryStore({ rules: REFUSING, maxKeys: MAX_KEYS })
const flooded = createMemoryStore({ rules: RULES, maxKeys: 1000 })
const clientKey = createClientKeys()
let sum = 0

function cpuNs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / DECISIONS
}

const address = (i: number): string => addresses[i % ADDRESSES] as string
let flood = 0
const work: Readonly<Record<string, (i: number) => number>> = {
  'one rule, one address': () => single.take('10.0.0.1').states.length,
  'two rules, one address': () => admitting.take('10.0.0.1', '/courses').states.length,
  'two rules, 10,000 addresses': i => admitting.take(address(i), '/courses').states.length,
  'a refusal, one address': () => refusing.take('10.0.0.1', '/courses').retryAfterMs,
  'a new address, table full': () => flooded.take(`10.${flood++}`, '/courses').retryAfterMs,
  'client key, IPv4': i => clientKey(address(i)).length,
  'client key, IPv6': () => clientKey('2001:db8:1:2:a:b:c:d').length,
  'two rules and the field': () => rateLimitField(admitting.take('10.0.0.1', '/courses'))?.length ?? 0,
}
const rows = Object.entries(work).map(([name, once]) => ({ name, once, times: [] as number[] }))
for (let round = 0; round < rounds; round++) {
  for (const { once, times } of rows) {
    times.push(
      cpuNs(() => {
        for (let i = 0; i < DECISIONS; i++) sum += once(i)
      }),
    )
  }
}

const lines = rows.map(({ name, times }) => {
  const sorted = times.toSorted((a, b) => a - b)
  const cell = (value = 0): string => value.toFixed(0).padStart(6)
  return `${name.padEnd(30)} ns: least ${cell(sorted[0])}   median ${cell(sorted[sorted.length >> 1])}`
})
process.stdout.write(`Node ${process.version}, ${rounds} rounds\n${lines.join('\n')}\n`)
if (!(sum > 0)) process.exitCode = 1
