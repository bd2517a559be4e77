// What every InvalidationLog does: the same statements for each implementation, on a real server.
import type { InvalidationLog, LogPage } from '../log/invalidation-log.ts'
import type { Subject } from '../subjects.ts'
import type { ContractTest } from './contract-test.ts'
import { nastyStrings } from './nasty-strings.ts'

/** A store of its own for one test. */
export interface LogStore {
  /** Another process's log on the same store, connected. It's closed by the suite. */
  open(): Promise<InvalidationLog>
  /** The store loses every entry, as after a crash without persistence. Left out: it can't. */
  lose?(): Promise<void>
}

/** Longest wait for a ring, in milliseconds; it bounds a failure. */
const RING_MS = 10_000

/**
 * Runs the statements as subtests.
 * @param make - gives an empty store; what it starts, it stops in `t.teardown`
 */
export async function invalidationLogContract<Test extends ContractTest<Test>>(
  t: Test,
  make: (t: Test) => Promise<LogStore>,
): Promise<void> {
  const state = (
    name: string,
    body: (t: Test, open: () => Promise<InvalidationLog>, store: LogStore) => Promise<void>,
  ): Promise<unknown> =>
    t.test(name, async t => {
      const store = await make(t)
      const open = async (): Promise<InvalidationLog> => {
        const log = await store.open()
        t.teardown(() => log.close())
        return log
      }
      await body(t, open, store)
    })

  await state('tells the horizon to one who asks from nowhere, and no entries', async (t, open) => {
    const log = await open()
    await log.append(['tbefore'])
    const page = await log.since(undefined)
    t.same(page.entries, [])
    t.equal(page.complete, true)
    t.equal(page.more, false)
    t.ok(Number.isSafeInteger(page.position), `${page.position} is a place`)
  })

  await state('has nothing new for one who asks from the horizon', async (t, open) => {
    const log = await open()
    const { position } = await log.since(undefined)
    const page = await log.since(position)
    t.same(page.entries, [])
    t.equal(page.complete, true)
    t.ok(page.position >= position, 'it never goes back')
  })

  await state('tells every entry to everyone, in its order, with its subjects', async (t, open) => {
    const [writer, reader] = [await open(), await open()]
    const { position } = await writer.since(undefined)
    await writer.append(['ta', 'tb'])
    await reader.append(['kn\0key'])
    await writer.append(['tc'])
    for (const log of [writer, reader]) {
      const { entries, complete } = await readOn(log, position)
      t.equal(complete, true)
      t.same(
        entries.map(entry => entry.subjects),
        [['ta', 'tb'], ['kn\0key'], ['tc']],
      )
    }
  })

  await state('keeps any string as it was', async (t, open) => {
    const log = await open()
    const { position } = await log.since(undefined)
    const subjects = nastyStrings().map(text => `t${text}`)
    await log.append(subjects)
    const { entries } = await readOn(log, position)
    t.same(
      entries.flatMap(entry => entry.subjects),
      subjects,
    )
  })

  await state('gives an entry the place under which it is told', async (t, open) => {
    const log = await open()
    const { position } = await log.since(undefined)
    const places = [await log.append(['ta']), await log.append(['tb']), await log.append(['tc'])]
    const { entries } = await readOn(log, position)
    t.same(
      entries.map(entry => entry.position),
      places,
    )
    t.ok(
      places.every((place, i) => place >= (places[i - 1] ?? position)),
      `${places.join(', ')} go up from ${position}`,
    )
  })

  await state('goes on from where a page ended, and nothing is missing or told before its time', async (t, open) => {
    const log = await open()
    let { position } = await log.since(undefined)
    const told = new Set<string>()
    for (let i = 0; i < 5; i++) {
      await log.append([`t${i}`])
      const read = await readOn(log, position)
      position = read.position
      for (const { subjects } of read.entries) for (const subject of subjects) told.add(subject)
      t.equal(told.size, i + 1)
    }
  })

  await state('tells the same twice to one who asks twice', async (t, open) => {
    const log = await open()
    const { position } = await log.since(undefined)
    await log.append(['ta'])
    t.same((await readOn(log, position)).entries, (await readOn(log, position)).entries)
  })

  await state('tells much in pages', async (t, open) => {
    const log = await open()
    const { position } = await log.since(undefined)
    const subjects = Array.from({ length: 1200 }, (_, i) => `t${i}`)
    for (let i = 0; i < subjects.length; i += 100) {
      await Promise.all(subjects.slice(i, i + 100).map(subject => log.append([subject])))
    }
    const read = await readOn(log, position)
    t.equal(read.complete, true)
    t.ok(read.pages > 1, `${read.pages} pages`)
    t.same(new Set(read.entries.flatMap(entry => entry.subjects)), new Set(subjects))
  })

  await state('loses nothing for a reader who follows while others write', async (t, open) => {
    const [one, other, reader] = [await open(), await open(), await open()]
    let { position } = await reader.since(undefined)
    const wanted = new Set<Subject>()
    const write = async (log: InvalidationLog, name: string): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        wanted.add(`t${name}${i}`)
        await log.append([`t${name}${i}`])
      }
    }
    let writing = true
    const written = Promise.all([write(one, 'a'), write(one, 'b'), write(other, 'c')]).finally(() => (writing = false))
    const told = new Set<Subject>()
    for (let last = false; !last;) {
      last = !writing
      const page = await reader.since(position)
      t.equal(page.complete, true)
      position = page.position
      for (const { subjects } of page.entries) for (const subject of subjects) told.add(subject)
      if (page.more) last = false
    }
    await written
    t.same(told, wanted)
  })

  await state('rings for an entry of another process, and for one of its own', async (t, open) => {
    const [listener, other] = [await open(), await open()]
    for (const writer of [other, listener]) {
      const bell = new CountingBell()
      const stop = await listener.listen(bell)
      await writer.append(['ta'])
      await bell.rung()
      await stop()
    }
    t.ok(true, 'both rang')
  })

  await state('rings after the last of many entries', async (t, open) => {
    const [listener, writer] = [await open(), await open()]
    const bell = new CountingBell()
    await listener.listen(bell)
    let { position } = await listener.since(undefined)
    await Promise.all(Array.from({ length: 200 }, (_, i) => writer.append([`t${i}`])))
    let told = 0
    while (told < 200) {
      await bell.rung()
      const read = await readOn(listener, position)
      position = read.position
      told += read.entries.length
    }
    t.equal(told, 200)
  })

  await state('rings for each who listens until he stops', async (t, open) => {
    const [listener, writer] = [await open(), await open()]
    const [stays, goes] = [new CountingBell(), new CountingBell()]
    await listener.listen(stays)
    const stop = await listener.listen(goes)
    await stop()
    await writer.append(['ta'])
    await stays.rung()
    t.equal(goes.rings, 0)
  })

  await state('refuses entries after it was closed, once or twice', async (t, open) => {
    const log = await open()
    await log.close()
    await log.close()
    for (const ask of [() => log.append(['ta']), () => log.since(undefined), () => log.since(1)]) {
      let failure: unknown
      try {
        await ask()
      } catch (error) {
        failure = error
      }
      t.ok(failure instanceof Error, 'it rejects')
    }
  })

  await state('says that something is lost, and never gives a place twice', async (t, open, store) => {
    if (store.lose === undefined) {
      t.ok(true, 'this store loses nothing in a test')
      return
    }
    const [log, late] = [await open(), await open()]
    const first = await log.since(undefined)
    const before = [await log.append(['ta']), await log.append(['tb'])]
    const horizon = await log.since(undefined)
    await store.lose()
    const after = await late.append(['tc'])
    t.ok(after > Math.max(...before), `${after} is above ${before.join(', ')}`)
    for (const asked of [first.position, before[1] ?? 0, horizon.position]) {
      const page = await log.since(asked)
      t.equal(page.complete, false, `from ${asked}`)
      const next = await log.append(['td'])
      const read = await readOn(log, page.position)
      t.equal(read.complete, true)
      t.ok(
        read.entries.some(entry => entry.position === next),
        'it goes on',
      )
    }
  })

  await state('says that something is lost when nothing was written since', async (t, open, store) => {
    if (store.lose === undefined) {
      t.ok(true, 'this store loses nothing in a test')
      return
    }
    const log = await open()
    await log.append(['ta'])
    const { position } = await log.since(undefined)
    await store.lose()
    const page = await log.since(position)
    t.equal(page.complete, false)
    const place = await log.append(['tb'])
    t.ok(place >= position, 'it counts on')
    const read = await readOn(log, page.position)
    t.same(
      read.entries.map(entry => entry.subjects),
      [['tb']],
    )
  })
}

interface Read {
  readonly entries: LogPage['entries']
  readonly position: number
  readonly complete: boolean
  readonly pages: number
}

/** Reads on until there's no more. */
async function readOn(log: InvalidationLog, from: number): Promise<Read> {
  const entries: LogPage['entries'][number][] = []
  let position = from
  let complete = true
  for (let pages = 1; ; pages++) {
    const page = await log.since(position)
    entries.push(...page.entries)
    position = page.position
    complete &&= page.complete
    if (!page.more) return { entries, position, complete, pages }
  }
}

class CountingBell {
  rings = 0
  losses = 0
  #awaited = 0
  #heard: (() => void) | undefined

  ring(): void {
    this.rings++
    this.#heard?.()
  }

  lost(): void {
    this.losses++
    this.#heard?.()
  }

  /** Resolves with the first ring that no earlier call has waited for. */
  async rung(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`No ring in ${RING_MS} ms.`)), RING_MS)
    this.#heard = () => {
      if (this.rings + this.losses > this.#awaited) resolve()
    }
    this.#heard()
    try {
      await promise
      this.#awaited = this.rings + this.losses
    } finally {
      clearTimeout(timer)
    }
  }
}
