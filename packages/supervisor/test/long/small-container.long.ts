// Heap plans in containers that really have no more memory: under load, with well-filled heaps, while all workers are replaced.
//
// What has to hold: the kernel ends nobody, no worker runs out of heap, and no request is lost. The group's peak is printed, not judged: it counts
// page cache, which the kernel gives back before it ends anybody, and not the pages of the Node binary (60 MiB), which belong to whoever read
// them first: here the test, in a container of one's own the service.
import { join } from 'node:path'
import t from 'tap'
import { spawnProgram, until } from '@plimsoll/testing'
import type { Endpoint } from '@plimsoll/supervisor'
import { COMPILE_CACHE, get, makeRunFolder } from '../fixture/fleet.ts'
import { requireMemoryCgroup } from '../fixture/memory-cgroup.ts'
import { RoundRobinClient } from '../fixture/round-robin-client.ts'

const MIB = 2 ** 20
const MAIN = join(import.meta.dirname, '..', 'fixture', 'small-container-main.ts')
/** Of the old generation in use; a service that uses more than this collects all the time. */
const USED_SHARE = 0.6

interface Line {
  readonly endpoints?: readonly Endpoint[]
  readonly started?: string
  readonly replaced?: boolean
  readonly warn?: string
  readonly error?: string
}

for (const [limitMib, workers] of [
  [512, 1],
  [512, 2],
  [512, 3],
] as const) {
  await t.test(`${limitMib} MiB and ${workers} workers: full heaps, load, and a rolling replacement`, async t => {
    const cgroup = requireMemoryCgroup(t, limitMib * MIB)
    if (cgroup === undefined) return
    const runFolder = await makeRunFolder(t)
    const client = new RoundRobinClient()
    t.teardown(() => client.close())
    const main = [process.execPath, MAIN, runFolder, String(limitMib), String(workers), String(USED_SHARE)]
    const program = await spawnProgram(t, ['sh', '-c', `${cgroup.enter}; exec "$@"`, 'sh', ...main], {
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
      ownGroup: true,
      stopTimeoutMs: 20_000,
    })
    let endpoints: readonly Endpoint[] = []
    const complaints: string[] = []
    let read = 0
    const follow = (): readonly Line[] => {
      const lines = program.stdout
        .slice(0, program.stdout.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
      const fresh = lines.slice(read).map(line => JSON.parse(line) as Line)
      read = lines.length
      for (const line of fresh) {
        if (line.warn !== undefined || line.error !== undefined) complaints.push(JSON.stringify(line))
        if (line.endpoints !== undefined) void client.use((endpoints = line.endpoints))
      }
      return fresh
    }
    const awaitLine = (what: string, fits: (line: Line) => boolean): Promise<Line> =>
      until(() => follow().find(fits), { what, timeoutMs: 120_000 })

    const { started } = await awaitLine('the fleet to start', line => line.started !== undefined)
    t.comment(started)
    const filled = async (): Promise<boolean> => {
      follow()
      const answers = await Promise.all(
        endpoints
          .filter(({ state }) => state === 'ready')
          .map(({ url }) => get(url.slice('unix:'.length), '/') as Promise<unknown>),
      )
      return answers.every(answer => (answer as { isFull: boolean }).isFull)
    }
    client.start(8)
    await until(filled, { what: 'the heaps to be as full as planned', timeoutMs: 120_000, intervalMs: 200 })
    const fullPeakMib = cgroup.peakBytes() / MIB
    program.kill('SIGHUP')
    const { replaced } = await awaitLine('all workers to be replaced', line => line.replaced !== undefined)
    await until(filled, { what: 'the new heaps to be full', timeoutMs: 120_000, intervalMs: 200 })
    await client.stop()

    t.equal(replaced, true)
    t.same(client.failures, [], 'no request was lost')
    t.same(complaints, [], 'nobody ended without having been told to')
    t.equal(cgroup.kills(), 0, 'the kernel ended nobody')
    t.equal(client.served.size, 2 * workers)
    const served = [...client.served.values()].reduce((sum, count) => sum + count, 0)
    t.comment(
      `${served} requests; peak of the group ${fullPeakMib.toFixed(0)} MiB with full heaps, ${(cgroup.peakBytes() / MIB).toFixed(0)} MiB with the replacement`,
    )
    await program.stop()
  })
}
