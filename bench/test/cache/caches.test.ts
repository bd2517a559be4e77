// Every cache that's compared does what is timed: it answers with the key's own item, by reference, and loads once.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { LOADING_CACHES, SHARED_CACHES, STORES } from '../../src/cache/caches.ts'
import { type Item, itemOf, keyOf } from '../../src/cache/items.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-bench-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

class Loader {
  readonly keys: string[] = []
  readonly load = async (key: string): Promise<Item> => {
    this.keys.push(key)
    return itemOf(key)
  }
}

const setting = (loader: Loader, name: string) => ({
  entries: 100,
  ttlMs: 300_000,
  load: loader.load,
  folder: path.join(folder, name.replaceAll(/[^a-z]+/g, '-')),
})

for (const { name, open } of [...LOADING_CACHES, ...SHARED_CACHES]) {
  await t.test(`${name} loads a key once for all that ask at once, and hands out one reference`, async t => {
    const loader = new Loader()
    const cache = await open(setting(loader, name))
    t.teardown(() => cache.close())
    const first = await Promise.all(Array.from({ length: 8 }, () => cache.get(keyOf(1))))
    for (const item of first) t.equal(item?.id, 1)
    const later = await cache.get(keyOf(1))
    t.equal((await cache.get(keyOf(1)))?.id, 1)
    t.equal(later, await cache.get(keyOf(1)), 'the same reference')
    t.equal((await cache.get(keyOf(2)))?.id, 2)
    t.same(loader.keys, [keyOf(1), keyOf(2)])
  })
}

for (const { name, open } of STORES) {
  await t.test(`${name} answers at once with what it was filled with`, async t => {
    const loader = new Loader()
    const store = await open(setting(loader, name))
    t.teardown(() => store.close())
    await store.prepare([keyOf(1), keyOf(2)])
    t.equal(store.get(keyOf(2))?.id, 2)
    t.equal(store.get(keyOf(1)), store.get(keyOf(1)), 'the same reference')
    t.equal(store.get(keyOf(3)), undefined)
    t.same(loader.keys, [keyOf(1), keyOf(2)])
  })
}

await t.test('names are distinct, and each says what differs', async t => {
  const all = [...LOADING_CACHES, ...STORES, ...SHARED_CACHES]
  t.equal(new Set(all.map(({ name }) => name)).size, all.length)
  for (const { name, differs } of all) t.match(differs, /^\S.{5,}$/, name)
})
