// The suite's own way from its options to its figures, through the whole stack and real workers.
import t from 'tap'
import { suite } from '../../src/suites/api.ts'
import { RecordedIo } from '../recorded-io.ts'

// Databases, a stack and workers are started: on a busy machine that takes its time.
t.setTimeout(180_000)

await t.test(
  'the suite, short: every GET route, cold, warm and cached; bare, a cached read, two plugins, all of them',
  async t => {
    const recorded = new RecordedIo(t)
    await suite.run(recorded.io('--quick'))
    const { text } = recorded
    t.match(text, /limits per address are off: FEATURE_RATE_LIMIT=false/)
    t.match(text, /claimed +≥ 1,000 +45 +120 +180 +300 +100, cached 60 +0\.1 %/)
    t.match(text, /\/api\/gamification\/dashboard\/\{id\} +cold +10 +10 .* 0 % +0 % /)
    t.match(text, /\/api\/gamification\/dashboard\/\{id\} +cached +5 .* 0 % +100 % /)
    t.match(text, /all cached routes in turn, warm: /)
    t.match(text, /http-caching +plugin(?: +[\d.,]+){2} +\d+\.\d\d \(/)
    t.match(text, /all of them on reaches \d+ %.* of the requests\/s of a bare Fastify with the same cached read; goal/)
    t.match(text, /and \d+ %.* of the requests\/s of a bare Fastify with a ready answer/)
    t.match(text, /the file\n$/)

    const { routes, plugins } = recorded.figures as unknown as Figures
    for (const { route, condition, rounds } of routes.cells) {
      const [{ hits, errors } = { hits: -1, errors: -1 }] = rounds
      t.equal(errors, 0, `${route}, ${condition}`)
      t.equal(hits, condition === 'cached' ? 1 : 0, `${route}, ${condition}`)
    }
    const [short, page, compressed] = plugins.workloads.map(({ variants }) => variants)
    t.same(
      short?.map(({ variant }) => variant.name),
      ['bare', 'bare, the same again', 'schema, service, cache', 'metrics', 'http-caching', 'all of them: createApp'],
    )
    t.equal(page?.length, 4, 'metrics are no dearer for a larger answer')
    t.ok((compressed?.at(-1)?.bodyBytes ?? Infinity) < (compressed?.[0]?.bodyBytes ?? 0) / 2)
  },
)

await t.test('options that mean nothing are refused before anything is started', async t => {
  const recorded = new RecordedIo(t)
  await t.rejects(suite.run(recorded.io('--rounds', '0')), /--rounds has to be a whole number above 0, not "0"/)
  await t.rejects(suite.run(recorded.io('--fast')), /Unknown option '--fast'/)
  t.equal(recorded.text, '')
})

interface Figures {
  readonly routes: {
    readonly cells: readonly {
      readonly route: string
      readonly condition: string
      readonly rounds: readonly { readonly hits: number; readonly errors: number }[]
    }[]
  }
  readonly plugins: {
    readonly workloads: readonly {
      readonly variants: readonly { readonly variant: { readonly name: string }; readonly bodyBytes: number }[]
    }[]
  }
}
