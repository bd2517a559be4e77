import fc from 'fast-check'
import t from 'tap'
import { LocalMachineMap } from '../src/machine/local-machine-map.ts'
import {
  EVERYTHING,
  keySubject,
  namespaceSubject,
  prefixedSubject,
  prefixSubject,
  type Subject,
  tagSubject,
} from '../src/subjects.ts'
import { Versions } from '../src/versions.ts'

const KEYS = ['', 'a', 'ab', 'abc', 'b', 'b\0c']
const TAGS = ['x', 'y', 'z']

interface Invalidation {
  readonly subjects: readonly Subject[]
  affects(namespace: string, key: string, tags: readonly string[]): boolean
}

const namespaces = fc.constantFrom('n', 'm')
const invalidations: fc.Arbitrary<Invalidation> = fc.oneof(
  fc.constantFrom(...TAGS).map(tag => ({
    subjects: [tagSubject(tag)],
    affects: (_: string, __: string, tags: readonly string[]) => tags.includes(tag),
  })),
  fc.tuple(namespaces, fc.constantFrom(...KEYS)).map(([namespace, key]) => ({
    subjects: [keySubject(namespace, key)],
    affects: (ofNamespace: string, ofKey: string) => ofNamespace === namespace && ofKey === key,
  })),
  fc.tuple(namespaces, fc.constantFrom('', 'a', 'ab', 'b\0')).map(([namespace, prefix]) => ({
    subjects: [prefixSubject(namespace, prefix), prefixedSubject(namespace)],
    affects: (ofNamespace: string, ofKey: string) => ofNamespace === namespace && ofKey.startsWith(prefix),
  })),
  fc.constant({ subjects: [EVERYTHING], affects: () => true }),
  namespaces.map(namespace => ({
    subjects: [namespaceSubject(namespace)],
    affects: (ofNamespace: string) => ofNamespace === namespace,
  })),
)

await t.test('a value is current exactly when nothing about it was invalidated since', async t => {
  // From the beginning a process knows everything; one that comes later must never say yes wrongly, and may say no for prefixes it didn't see.
  await fc.assert(
    fc.asyncProperty(
      fc.array(invalidations, { maxLength: 30 }),
      fc.nat({ max: 30 }),
      fc.record({ namespace: namespaces, key: fc.constantFrom(...KEYS), tags: fc.subarray(TAGS) }),
      fc.nat({ max: 30 }),
      async (all, latecomerAt, { namespace, key, tags }, stampAt) => {
        const map = new LocalMachineMap()
        const early = new Versions(map)
        let late: Versions | undefined
        for (const [index, { subjects }] of all.entries()) {
          if (index === latecomerAt) late = new Versions(map)
          await map.invalidate(subjects)
          if (index % 3 === 0) early.sync()
        }
        late ??= new Versions(map)
        early.sync()
        late.sync()
        const stamp = Math.min(stampAt, all.length)
        const since = all.slice(stamp)
        const touched = since.some(one => one.affects(namespace, key, tags))
        t.equal(early.isCurrent(stamp, namespace, key, tags), !touched)
        if (touched) t.equal(late.isCurrent(stamp, namespace, key, tags), false)
        else if (!since.some(one => one.subjects.includes(prefixedSubject(namespace))))
          t.equal(late.isCurrent(stamp, namespace, key, tags), true)
      },
    ),
    { numRuns: 300 },
  )
})

await t.test('a process that was away for longer than the map goes back gives up what it can’t judge', async t => {
  const map = new LocalMachineMap({ maxSubjects: 1_000 })
  const versions = new Versions(map)
  const stamp = versions.applied
  await map.invalidate([tagSubject('changed')])
  for (let count = 0; count < 5_000; count++) await map.invalidate([tagSubject(`other ${count % 50}`)])
  t.equal(map.changesAfter(stamp), undefined, 'the map has forgotten the single changes')
  versions.sync()
  t.equal(versions.isCurrent(stamp, 'n', 'k', ['changed']), false)
  const later = versions.applied
  await map.invalidate([tagSubject('other 1')])
  versions.sync()
  t.equal(versions.isCurrent(later, 'n', 'k', ['other 1']), false)
  t.equal(versions.isCurrent(later, 'n', 'k', ['other 2']), true)
})

await t.test(
  'more subjects than are kept are asked for, and more prefixes than are kept take the namespace with them',
  async t => {
    const map = new LocalMachineMap()
    const versions = new Versions(map)
    const stamp = versions.sync()
    await map.invalidate([tagSubject('first')])
    for (let count = 0; count < 60; count++) {
      await map.invalidate(Array.from({ length: 1_000 }, (_, index) => tagSubject(`${count} ${index}`)))
      versions.sync()
    }
    t.equal(versions.isCurrent(stamp, 'n', 'k', ['first']), false)
    t.equal(versions.isCurrent(stamp, 'n', 'k', ['never']), true)
    const before = versions.sync()
    for (let count = 0; count < 100; count++)
      await map.invalidate([prefixSubject('n', `prefix ${count}/`), prefixedSubject('n')])
    versions.sync()
    t.equal(versions.isCurrent(before, 'n', 'prefix 5/a', []), false)
    t.equal(versions.isCurrent(before, 'm', 'prefix 5/a', []), true)
  },
)

await t.test('numbers that begin anew make another era', t => {
  let sequence = 5
  const map = Object.assign(new LocalMachineMap(), { sequence: () => sequence })
  const versions = new Versions(map)
  t.equal(versions.isCurrent(5, 'n', 'k', []), true)
  sequence = -1
  t.equal(versions.sync(), -1)
  t.equal(versions.isCurrent(5, 'n', 'k', []), false)
  t.equal(versions.isCurrent(-1, 'n', 'k', []), false)
  const { era } = versions
  sequence = 2
  t.equal(versions.sync(), 2)
  t.ok(versions.era > era)
  t.end()
})
