// How many repeated reads the cache answers: by the law that reads of real sites follow (Zipf's, exponent 1), over more addresses than a worker keeps in memory, through
// two workers that share the machine's cache. Counted by what answers say of themselves; the order of the reads is the same in each run.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_CACHE, testApp } from '../fixture/test-app.ts'

const READS = 1200
/** A worker keeps 100 answers of a kind, the machine 500. */
const PAGES = 250

const database = await demoDatabase(t)
const folder = mkdtempSync(path.join(tmpdir(), 'api-hit-rate-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const cache = { ...NO_CACHE, machine: true, folder }
const workers = [await testApp(t, database.url, { cache }), await testApp(t, database.url, { cache })] as const
const ids = await database.sql<{ id: string }[]>`select id from courses where status = 'published' order by id`

/** Pages that all lie elsewhere, and the courses with their lessons. */
const addresses = [
  ...Array.from({ length: PAGES }, (_, page) => `/api/courses?limit=${1 + (page % 50)}&cursor=${cursorAt(page)}`),
  ...ids.flatMap(({ id }) => [`/api/courses/${id}`, `/api/courses/${id}/lessons`]),
]

function cursorAt(page: number): string {
  return Buffer.from(`${Date.UTC(2030, 0, 1 + page)}:${1 + page}`).toString('base64url')
}

/** Draws addresses, the first ones of a shuffled list most often. */
function zipf(random: SeededRandom): () => string {
  const ranked = random.shuffle(addresses)
  const sums: number[] = []
  for (const [index] of ranked.entries()) sums.push((sums.at(-1) ?? 0) + 1 / (index + 1))
  return () => {
    const drawn = random.next() * (sums.at(-1) ?? 0)
    return ranked[sums.findIndex(sum => drawn < sum)] ?? ''
  }
}

await t.test(
  'of repeated reads 95 % and more are answered from the cache, most of them from the worker’s memory',
  async t => {
    const draw = zipf(new SeededRandom(1))
    const seen = new Set<string>()
    const found = { memory: 0, machine: 0, loaded: 0 }
    let repeated = 0
    for (let read = 0; read < READS; read++) {
      const url = draw()
      const { statusCode, headers } = await (workers[read % 2] ?? workers[0]).app.inject({ url })
      if (statusCode !== 200) t.fail(`${url} was answered ${statusCode}`)
      if (!seen.has(url)) {
        seen.add(url)
        continue
      }
      repeated++
      const [, tier = 'loaded'] = /; hit; ttl=\d+; detail=(memory|machine)$/.exec(String(headers['cache-status'])) ?? []
      found[tier as keyof typeof found]++
    }
    const share = (count: number) => count / repeated
    t.comment(
      `${READS} reads of ${seen.size} addresses, ${repeated} repeated: ` +
        Object.entries(found)
          .map(([tier, count]) => `${tier} ${(100 * share(count)).toFixed(1)} %`)
          .join(', '),
    )
    t.ok(seen.size > 200, 'more than a worker keeps')
    t.ok(share(found.memory + found.machine) >= 0.95)
    t.ok(share(found.memory) >= 0.5)
    t.ok(found.machine > 0, 'and what the other one has loaded')
    const loads = workers.map(({ dependencies }) =>
      Object.values(dependencies.cache.stats().namespaces).reduce((sum, namespace) => sum + namespace.loads, 0),
    )
    t.equal(
      loads.reduce((sum, count) => sum + count, 0),
      seen.size + found.loaded,
      'and nothing else was loaded',
    )
  },
)
