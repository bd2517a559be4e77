import { until } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import type { InvalidationLog, LogEntry, LogPage } from '../src/index.ts'
import { LogFollower } from '../src/log-follower.ts'
import { LocalMachineMap } from '../src/machine/local-machine-map.ts'

/** A log in memory whose every fault the test decides. */
class ScriptedLog implements InvalidationLog {
  readonly entries: LogEntry[] = []
  prunedBefore = 0
  fails = false
  pageSize = 100
  looks = 0
  bell: { ring(): void; lost(): void } | undefined

  append(subjects: readonly string[]): Promise<number> {
    const position = this.entries.length + this.prunedBefore + 1
    this.entries.push({ position, subjects })
    return Promise.resolve(position)
  }

  since(position: number | undefined): Promise<LogPage> {
    this.looks++
    if (this.fails) return Promise.reject(new Error('unreachable'))
    const end = this.prunedBefore + this.entries.length + 1
    if (position === undefined) return Promise.resolve({ entries: [], position: end, complete: true, more: false })
    const complete = position > this.prunedBefore
    const page = this.entries.filter(entry => entry.position >= position).slice(0, this.pageSize)
    const next = (page.at(-1)?.position ?? end - 1) + 1
    return Promise.resolve({ entries: page, position: next, complete, more: next < end })
  }

  listen(bell: { ring(): void; lost(): void }): Promise<() => Promise<void>> {
    this.bell = bell
    return Promise.resolve(() => {
      this.bell = undefined
      return Promise.resolve()
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function follower(t: Test, log: ScriptedLog, map = new LocalMachineMap(), pollMs = 60_000) {
  const errors: unknown[] = []
  const made = new LogFollower({ log, map, pollMs, onError: error => errors.push(error) })
  t.teardown(() => made.close())
  return { made, map, errors }
}

await t.test('it begins at the present place and brings what comes after it into the map, once', async t => {
  const log = new ScriptedLog()
  await log.append(['told before'])
  const { made, map } = follower(t, log)
  await made.start()
  t.equal(map.sequence(), 0)
  t.match(map.followed(), { position: 2, sincePosition: 2 })
  await log.append(['ta', 'tb'])
  log.bell?.ring()
  await until(() => map.sequence() === 1, { what: 'the invalidation' })
  t.match(map.lastChange('ta'), { sequence: 1, position: 2 })
  await made.look()
  t.equal(map.sequence(), 1)
  t.match(map.followed(), { position: 3, sincePosition: 2 })
})

await t.test('a lost ring is made good by the next poll, and pages are read to their end', async t => {
  const log = new ScriptedLog()
  log.pageSize = 3
  const { made, map } = follower(t, log, undefined, 5)
  await made.start()
  for (let count = 0; count < 10; count++) await log.append([`t${count}`])
  await until(() => map.sequence() === 10, { what: 'ten invalidations' })
})

await t.test(
  'when entries are gone everything is invalidated, and the machine knows the log from then on only',
  async t => {
    const log = new ScriptedLog()
    const { made, map } = follower(t, log)
    await made.start()
    log.prunedBefore = 50
    await log.append(['t1'])
    await made.look()
    t.equal(map.lastChange('a').sequence, 1)
    t.match(map.followed(), { position: 52, sincePosition: 52 })
  },
)

await t.test('a log that can’t be reached is told of, looked at again, and never says it was heard', async t => {
  const log = new ScriptedLog()
  log.fails = true
  const { made, map, errors } = follower(t, log, undefined, 5)
  await made.start()
  t.equal(map.followed(), undefined)
  await until(() => errors.length > 2, { what: 'more looks' })
  log.fails = false
  await until(() => map.followed() !== undefined, { what: 'the first page' })
})

await t.test('one process of the machine follows; when it goes another takes over where it stopped', async t => {
  const log = new ScriptedLog()
  const map = new LocalMachineMap()
  const one = follower(t, log, map)
  const two = follower(t, log, map)
  await one.made.start()
  await two.made.start()
  const { looks } = log
  await two.made.look()
  t.equal(log.looks, looks, 'the second doesn’t read')
  await one.made.close()
  await log.append(['ta'])
  await two.made.look()
  t.equal(map.sequence(), 1)
})
