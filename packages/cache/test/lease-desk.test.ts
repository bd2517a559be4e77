import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { LeaseDesk, type LeaseKeeper } from '../src/lease-desk.ts'
import { LocalMachineMap } from '../src/machine/local-machine-map.ts'

const options = { leaseMs: 1_000, cluster: false }
const nothing = () => Promise.resolve(undefined)
const never = new AbortController().signal

await t.test('the first gets the lease, others wait until it’s given back', async t => {
  const map = new LocalMachineMap()
  const desk = new LeaseDesk(map, undefined)
  let waits = 0
  const first = await desk.take('key', options, never, nothing, () => waits++)
  t.equal(first.entry, undefined)
  let hasSecond = false
  const second = desk
    .take('key', options, never, nothing, () => waits++)
    .then(lease => {
      hasSecond = true
      return lease
    })
  await nextTurn()
  t.equal(hasSecond, false)
  first[Symbol.dispose]()
  ;(await second)[Symbol.dispose]()
  t.equal(waits, 1)
  t.equal(map.isLeased('key'), false)
})

await t.test('what another has loaded meanwhile ends the waiting, also for who gets the lease after it', async t => {
  const map = new LocalMachineMap()
  const desk = new LeaseDesk(map, undefined)
  await map.takeLease('key', 10_000)
  let looks = 0
  const lookAgain = () => Promise.resolve(++looks === 3 ? 'value' : undefined)
  t.equal((await desk.take('key', options, never, lookAgain, () => undefined)).entry, 'value')
  t.equal(
    (
      await desk.take(
        'other',
        options,
        never,
        () => Promise.resolve('value'),
        () => undefined,
      )
    ).entry,
    'value',
  )
  t.equal(map.isLeased('other'), false, 'and the lease isn’t kept')
})

await t.test('a holder that died delays others by its lease, not longer', async t => {
  const map = new LocalMachineMap()
  const desk = new LeaseDesk(map, undefined)
  await map.takeLease('key', 20)
  const lease = await desk.take('key', options, never, nothing, () => undefined)
  t.equal(map.isLeased('key'), true)
  lease[Symbol.dispose]()
})

await t.test('who waits leaves with its signal', async t => {
  const map = new LocalMachineMap()
  const desk = new LeaseDesk(map, undefined)
  await map.takeLease('key', 10_000)
  const leaving = new AbortController()
  const waiting = desk.take('key', options, leaving.signal, nothing, () => undefined)
  await nextTurn()
  leaving.abort(new Error('gone'))
  await t.rejects(waiting, { message: 'gone' })
})

await t.test('a keeper that fails stops nobody', async t => {
  const failing: LeaseKeeper = {
    takeLease: () => Promise.reject(new Error('down')),
    isLeased: () => {
      throw new Error('down')
    },
  }
  const lease = await new LeaseDesk(failing, undefined).take('key', options, never, nothing, () => undefined)
  t.equal(lease.entry, undefined)
  const map = new LocalMachineMap()
  const both = await new LeaseDesk(map, failing).take(
    'key',
    { ...options, cluster: true },
    never,
    nothing,
    () => undefined,
  )
  t.equal(map.isLeased('key'), true)
  both[Symbol.dispose]()
  t.equal(map.isLeased('key'), false)
})

await t.test('for the cluster both leases are held, and given back together', async t => {
  const map = new LocalMachineMap()
  const cluster = new LocalMachineMap()
  const desk = new LeaseDesk(map, cluster)
  const lease = await desk.take('key', { ...options, cluster: true }, never, nothing, () => undefined)
  t.strictSame([map.isLeased('key'), cluster.isLeased('key')], [true, true])
  lease[Symbol.dispose]()
  t.strictSame([map.isLeased('key'), cluster.isLeased('key')], [false, false])
  const machineOnly = await desk.take('key', options, never, nothing, () => undefined)
  t.strictSame([map.isLeased('key'), cluster.isLeased('key')], [true, false])
  machineOnly[Symbol.dispose]()
})
