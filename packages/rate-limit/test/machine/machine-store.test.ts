import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { until } from '@plimsoll/testing'
import type { StoreState } from '../../src/index.ts'
import { createMachineStore, type MachineStoreOptions } from '../../src/machine/index.ts'
import { LogModel, SettableClock } from '../log-model.ts'
import { storeContract } from '../store-contract.ts'
import { memoryFolder } from '../fixture/folder.ts'

const RULES = [{ name: 'five', limit: 5, windowMs: 60_000 }]

function open(
  t: Parameters<typeof memoryFolder>[0],
  options: Omit<MachineStoreOptions, 'rules'> & Partial<MachineStoreOptions>,
) {
  const told: StoreState[] = []
  const store = createMachineStore({ rules: RULES, retryMs: 1, onState: state => told.push(state), ...options })
  t.teardown(() => store.close())
  return { store, told }
}

const dataPath = (folder: string): string => join(folder, 'limits-v1', 'map', 'data.mdb')

await t.test('a machine’s store keeps what every shared store does', async t => {
  const folder = memoryFolder(t)
  const clock = new SettableClock()
  const { store: keptOpen } = open(t, { folder, clock })
  await storeContract(
    t,
    async (rules, cellsPerKey) => {
      // Another folder would be another map to open: rows are told apart by their rule, whose window nobody else has.
      const [first, ...others] = rules
      const own = [{ ...first, name: `r${randomUUID().slice(0, 8)}` } as (typeof rules)[number], ...others]
      const named = rules.length === 1 ? own : rules
      if (rules.length > 1) clock.nowMs += 1_000_000
      return { store: createMachineStore({ rules: named, folder, clock, cellsPerKey, maxKeys: 400 }), clock }
    },
    20,
  )
  t.match(keptOpen.state(), { state: 'on' })
})

await t.test('with more keys than room no key gets more than the limit, and what is blocked stays blocked', async t => {
  const folder = memoryFolder(t)
  const keys = Array.from({ length: 24 }, (_, i) => `key ${i}`)
  const step = fc.record({ key: fc.constantFrom(...keys), passMs: fc.integer({ min: 0, max: 12 }) })
  let early = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 150, maxLength: 300 }), list => {
      const clock = new SettableClock()
      // One row, with room for eight.
      const rules = [{ name: `r${randomUUID().slice(0, 8)}`, limit: 4, windowMs: 200 }]
      const store = createMachineStore({ rules, folder, clock, maxKeys: 1 })
      const model = new LogModel(4, 200)
      for (const { key, passMs } of list) {
        clock.nowMs += passMs
        const { remaining } = model.state(key, clock.nowMs)
        if ((store.peek(key).states[0]?.remaining ?? 5) > remaining) return false
        if (store.take(key).allowed) model.admit(key, clock.nowMs)
        else if (remaining > 0) early++
      }
      return model.fullestWindow() <= 4
    }),
    { numRuns: 12 },
  )
  t.ok(early > 20, `${early} were refused too early`)
})

await t.test('what one store has counted the next one knows, and files tell no key to anybody', async t => {
  const folder = memoryFolder(t)
  const { store } = open(t, { folder })
  for (let i = 0; i < 5; i++) t.equal(store.take('somebody@example.org').allowed, true)
  const { store: other } = open(t, { folder })
  t.equal(other.take('somebody@example.org').allowed, false)
  t.equal(statSync(dataPath(folder)).mode & 0o777, 0o600)
  t.equal(statSync(join(folder, 'limits-v1')).mode & 0o777, 0o700)
  t.notOk(readFileSync(dataPath(folder)).includes('somebody'))
  await other.close()
  t.equal(other.state().state, 'off')
  t.equal(other.take('somebody@example.org').allowed, true, 'its own memory decides')
})

await t.test('a folder that can not be used costs no request: memory decides, and that is said once', async t => {
  const { store, told } = open(t, { folder: '/proc/nowhere' })
  for (let i = 0; i < 8; i++) t.equal(store.take('a').allowed, i < 5)
  t.match(told, [{ state: 'degraded', reason: /ENOENT|EACCES|EPERM/ }])
  t.equal(told.length, 1)
  const folder = memoryFolder(t)
  writeFileSync(join(folder, 'limits-v1'), 'a file in the place of the folder')
  const { store: second, told: toldOfIt } = open(t, { folder })
  t.equal(second.take('a').allowed, true)
  t.equal(toldOfIt.length, 1)
  // When it's there it's used again, which is said, too.
  rmSync(join(folder, 'limits-v1'))
  await new Promise(resolve => setTimeout(resolve, 5))
  const decision = second.take('a')
  t.equal(decision.states[0]?.remaining, 4, 'the map knows nothing of what memory has admitted')
  t.match(toldOfIt.at(-1), { state: 'on' })
})

await t.test('what the fallback has admitted is given back to it', async t => {
  const { store } = open(t, { folder: '/proc/nowhere' })
  const { atMs } = store.take('a')
  store.take('a')
  store.giveBack('a', '', atMs)
  t.equal(store.peek('a').states[0]?.remaining, 4)
  const folder = memoryFolder(t)
  const { store: healthy } = open(t, { folder })
  healthy.take('a')
  healthy.giveBack('a', '', atMs)
  t.equal(healthy.peek('a').states[0]?.remaining, 4, 'and frees nobody in the map')
})

await t.test('a map that can not be looked at any more costs no request', async t => {
  const folder = memoryFolder(t)
  const { store, told } = open(t, { folder })
  for (let i = 0; i < 5; i++) store.take('a')
  t.equal(store.take('a').allowed, false)
  const map = join(folder, 'limits-v1', 'map')
  renameSync(map, `${map}-elsewhere`)
  // Whoever follows it gets ELOOP, as EACCES or EIO elsewhere.
  symlinkSync(map, map)
  await until(() => store.take('a').allowed, { what: 'the folder to be looked at' })
  t.match(told, [{ state: 'degraded', reason: /ELOOP/ }])
  rmSync(map)
  renameSync(`${map}-elsewhere`, map)
  await until(() => !store.take('a').allowed && store.peek('a').atMs < 2 ** 50, { what: 'the map to be opened again' })
})

await t.test('a rule may have room for more keys than the others', async t => {
  const folder = memoryFolder(t)
  const rules = [
    { name: 'few', limit: 5, windowMs: 60_000 },
    { name: 'many', limit: 5, windowMs: 60_000, maxKeys: 400 },
  ]
  const { store } = open(t, { folder, rules, maxKeys: 1 })
  for (let i = 0; i < 100; i++) store.take([`few ${i}`, null])
  for (let i = 0; i < 100; i++) store.take([null, `many ${i}`])
  const { states } = store.peek(['new', 'new'])
  t.match(states, [
    { isShared: true, remaining: 0 },
    { isShared: false, remaining: 5 },
  ])
})

await t.test('a damaged file is moved aside, and counting begins anew', async t => {
  const damages: Readonly<Record<string, (path: string) => void>> = {
    garbage: path => writeFileSync(path, Buffer.alloc(100_000, 0x5a)),
    'a file that was cut': path => truncateSync(path, 8192 + 100),
    'half a page': path => truncateSync(path, 2000),
  }
  for (const [name, damage] of Object.entries(damages)) {
    const folder = memoryFolder(t)
    const first = createMachineStore({ rules: RULES, folder })
    for (let i = 0; i < 50; i++) first.take(`key ${i}`)
    await first.close()
    damage(dataPath(folder))
    const { store, told } = open(t, { folder })
    const decisions = []
    // Each look comes after a pause of a millisecond at least: the first failure is passed over, the second one replaces the map.
    while (decisions.length < 500 && told.at(-1)?.state !== 'on') {
      decisions.push(store.take('a').allowed)
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    t.ok(decisions.length >= 2 && decisions.slice(0, 4).every(Boolean), `${name}: ${decisions.length} decisions`)
    t.same(
      told.map(({ state }) => state),
      ['degraded', 'on'],
      name,
    )
    t.ok(existsSync(join(folder, 'limits-v1', 'map-damaged')), name)
  }
})

await t.test('a full disk costs no request: memory decides, and that is said once', async t => {
  // A limit on the size of files stands for the full disk.
  const program = join(import.meta.dirname, '../fixture/full-disk.ts')
  const command = ['-c', 'ulimit -f 300; exec "$0" "$@"', process.execPath, program, memoryFolder(t)]
  const { status, stdout, stderr } = spawnSync('/bin/sh', command, { encoding: 'utf8', timeout: 30_000 })
  t.equal(status, 0, stderr)
  const { refused, told, isLimited } = JSON.parse(stdout) as Record<string, unknown>
  t.equal(refused, 0)
  t.match(told, [{ state: 'degraded', reason: /File too large|Input.output error/ }])
  t.equal((told as unknown[]).length, 1)
  t.equal(isLimited, true, 'in memory the limit holds, too')
})

await t.test('a supervisor can turn the map off, and on again', async t => {
  const folder = memoryFolder(t)
  mkdirSync(join(folder, 'limits-v1'))
  writeFileSync(join(folder, 'limits-v1', 'off'), 'two processes died')
  const { store, told } = open(t, { folder })
  t.equal(store.take('a').allowed, true)
  t.match(told, [{ state: 'degraded', reason: /turned off/ }])
  t.notOk(readdirSync(join(folder, 'limits-v1')).includes('map'))
  rmSync(join(folder, 'limits-v1', 'off'))
  await new Promise(resolve => setTimeout(resolve, 5))
  store.take('a')
  t.match(store.state(), { state: 'on' })
})

await t.test('options out of their range are refused by code', async t => {
  const folder = memoryFolder(t)
  const wrong: readonly object[] = [
    { folder: '' },
    { folder, maxKeys: 0 },
    { folder, cellsPerKey: 1 },
    { folder, retryMs: 0 },
    { folder, rules: [] },
    { folder, keys: 1 },
  ]
  for (const options of wrong) {
    t.throws(() => createMachineStore({ rules: RULES, ...options } as unknown as MachineStoreOptions), {
      code: 'RATE_LIMIT_ERR_OPTION',
    })
  }
})
