import t from 'tap'
import { loadConfig } from '@plimsoll/config'
import { clusterProgramWithin } from '../../src/config/config.ts'
import { planFleet, type ReadLimit } from '../../src/memory/fleet-plan.ts'

const MIB = 2 ** 20
const MACHINE: ReadLimit = () => ({ limitBytes: 64 * 1024 * MIB, source: 'machine' })
const container =
  (mib: number): ReadLimit =>
  () => ({ limitBytes: mib * MIB, source: 'cgroup-v2' })

function plan(containerMib: number | null, argv: readonly string[] = []) {
  // Read without a limit: what's planned is what is looked at here, not what the configuration is told of it.
  const loaded = loadConfig(clusterProgramWithin(MACHINE), {
    env: { DATABASE_URL: 'postgres://plimsoll@127.0.0.1/plimsoll' },
    argv: [...argv],
  })
  if (loaded.kind !== 'run') throw new Error(`unexpected ${loaded.kind}`)
  return planFleet(loaded.config, containerMib === null ? MACHINE : container(containerMib))
}

await t.test('on a machine without a limit Node’s own sizes stay', async t => {
  t.match(plan(null, ['--workers', '3']), { workers: 3, maxWorkers: 3, heap: undefined })
})

await t.test('in 512 MiB two workers fit, and all that is planned stays within', async t => {
  const { workers, heap } = plan(512, ['--workers', '2'])
  t.equal(workers, 2)
  const sharedMib = 64
  t.ok((heap?.perWorkerBytes ?? 0) * 2 < (512 - sharedMib) * MIB)
  const alone = plan(512, ['--workers', '2', '--no-cache.machine']).heap
  t.ok((alone?.oldSpaceMib ?? 0) > (heap?.oldSpaceMib ?? 0), 'without shared memory there is more for the heaps')
})

await t.test(
  'a number that follows from the cores is lowered until it fits; one that was asked for is refused',
  async t => {
    t.equal(plan(448).workers, 1)
    t.throws(() => plan(448, ['--workers', '4']), { code: 'SUPERVISOR_ERR_OPTION', message: /Set 'workers' to 1/ })
    t.throws(() => plan(192), { code: 'SUPERVISOR_ERR_OPTION', message: /Not even one fits/ })
  },
)

await t.test('the option comes before the container, and the most workers that there may be decide', async t => {
  const given = plan(null, ['--workers', '2', '--max-workers', '4', '--memory.limit-mib', '2048'])
  t.match(given, { workers: 2, maxWorkers: 4 })
  t.same(given.heap, plan(8192, ['--workers', '4', '--memory.limit-mib', '2048']).heap)
})

await t.test('more than the container has is not given away', async t => {
  const both = plan(1024, ['--workers', '2', '--memory.limit-mib', '4096'])
  t.same(both.heap, plan(1024, ['--workers', '2']).heap)
})

await t.test('the most workers there may be bound a number that follows from the cores', async t => {
  t.match(plan(null, ['--max-workers', '1']), { workers: 1, maxWorkers: 1 })
})

await t.test('fewer workers at most than at least are refused', async t => {
  t.throws(() => plan(null, ['--workers', '4', '--max-workers', '2']), {
    message: /maxWorkers \(2\) is below workers \(4\)/,
  })
})
