import { METHOD } from '@plimsoll/http1'
import fc from 'fast-check'
import t from 'tap'
import type { ClientConnection } from '../../src/downstream/client-connection.ts'
import { Exchange, type ExchangeStages, type RetryReason } from '../../src/exchange.ts'
import { ByteStore } from '../../src/transport/byte-store.ts'
import { isIdempotent, RetryPolicy, type RetryOptions } from '../../src/upstream/retry-policy.ts'

const OPTIONS: RetryOptions = { count: 1, statuses: [502, 503, 504], backoffMs: 25, maxBackoffMs: 250, hedges: false }
/** RFC 9110, 9.2.2; TRACE and CONNECT are refused before any try. */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'] as const

/** `held`: no body, one that is held whole, or one of which something is gone. */
interface Shape {
  readonly method: keyof typeof METHOD
  readonly body: 'none' | 'held' | 'gone'
  readonly retries: number
  readonly status: number
  readonly metStale: boolean
}

function exchangeOf({ method, body, retries, status, metStale }: Shape): Exchange {
  // The policy looks at what the exchange says of itself, never at its connections.
  const exchange = new Exchange({} as ClientConnection, {} as ExchangeStages)
  exchange.methodId = METHOD[method]
  exchange.hasBody = body !== 'none'
  exchange.heldBody = body === 'held' ? new ByteStore() : null
  exchange.retries = retries
  exchange.status = status
  exchange.metStale = metStale
  return exchange
}

function* shapes(): Generator<Shape> {
  for (const method of Object.keys(METHOD) as (keyof typeof METHOD)[])
    for (const body of ['none', 'held', 'gone'] as const)
      for (const retries of [0, 1, 2])
        for (const status of [0, 200])
          for (const metStale of [false, true]) yield { method, body, retries, status, metStale }
}

const policy = new RetryPolicy(OPTIONS, { next: () => 0.5 })

await t.test(
  'for every request and failure: nothing is sent again that may have been carried out, begun, or is not held',
  t => {
    let allowed = 0
    // Thousands of asserts would take longer to report than to make.
    const wrong: string[] = []
    for (const shape of shapes()) {
      const exchange = exchangeOf(shape)
      const idempotent = (IDEMPOTENT as readonly string[]).includes(shape.method)
      if (isIdempotent(exchange.methodId) !== idempotent) wrong.push(shape.method)
      for (const sent of [false, true]) {
        const expected =
          shape.status !== 0
            ? 'answer-begun'
            : sent && !idempotent
              ? 'not-idempotent'
              : shape.body === 'gone'
                ? 'body-not-held'
                : shape.retries >= 1
                  ? 'tries-used'
                  : null
        const shown = JSON.stringify({ ...shape, sent })
        if (policy.whyNot(exchange, sent) !== expected)
          wrong.push(`${shown}: ${policy.whyNot(exchange, sent)}, not ${expected}`)
        // The same endpoint once more, after a kept connection was found closed: it counts as no try.
        const stale = !shape.metStale && (expected === null || expected === 'tries-used')
        if (policy.allowsStaleRepeat(exchange, sent) !== stale) wrong.push(`${shown}: stale repeat, not ${stale}`)
        if (expected === null) allowed++
      }
    }
    t.same(wrong, [])
    t.ok(allowed > 0)
    t.end()
  },
)

await t.test('what is asked for as a probe can be sent elsewhere when it fails there', t => {
  const wrong = [...shapes()].filter(shape => {
    const exchange = exchangeOf(shape)
    return policy.isRepeatable(exchange) !== (policy.whyNot(exchange, true) === null)
  })
  t.same(wrong, [])
  const used = exchangeOf({ method: 'GET', body: 'none', retries: 1, status: 0, metStale: false })
  t.equal(policy.isRepeatable(used), false, 'its last try is no experiment')
  const none = new RetryPolicy({ ...OPTIONS, count: 0 }, { next: () => 0.5 })
  t.equal(none.isRepeatable(exchangeOf({ method: 'GET', body: 'none', retries: 0, status: 0, metStale: false })), false)
  t.end()
})

await t.test('statuses are those of the configuration, and 500 is none of the default ones', t => {
  for (let status = 100; status < 600; status++)
    t.equal(policy.isRetriable(status), status >= 502 && status <= 504, String(status))
  t.equal(new RetryPolicy({ ...OPTIONS, statuses: [] }, { next: () => 0 }).isRetriable(503), false)
  t.end()
})

await t.test(
  'the pause is at random up to twice as long each time, never above the longest; none after a first endpoint that was gone or silent',
  t => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: 0, max: 10 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom<RetryReason>('connect', 'closed', 'invalid', 'timeout', 'status'),
        (backoffMs, more, retries, chance, reason) => {
          const maxBackoffMs = backoffMs + more
          const pausing = new RetryPolicy({ ...OPTIONS, backoffMs, maxBackoffMs }, { next: () => chance })
          const exchange = exchangeOf({ method: 'GET', body: 'none', retries, status: 0, metStale: false })
          const pauseMs = pausing.backoffMs(exchange, reason)
          if (reason !== 'status' && retries === 0) return pauseMs === 0
          return pauseMs === chance * Math.min(maxBackoffMs, backoffMs * 2 ** retries)
        },
      ),
      { numRuns: 500 },
    )
    t.pass('for 500 random settings')
    t.end()
  },
)

await t.test('bodies are kept of what may be sent again; where a body means nothing, nobody else follows it', t => {
  for (const method of Object.keys(METHOD) as (keyof typeof METHOD)[]) {
    const without = exchangeOf({ method, body: 'none', retries: 0, status: 0, metStale: false })
    const withBody = exchangeOf({ method, body: 'held', retries: 0, status: 0, metStale: false })
    t.equal(policy.needsBody(withBody), (IDEMPOTENT as readonly string[]).includes(method), method)
    t.equal(policy.isBodyMisread(withBody), ['GET', 'HEAD', 'DELETE'].includes(method), method)
    t.equal(policy.isBodyMisread(without), false, method)
  }
  t.end()
})

await t.test('only safe requests without a body are hedged, and only when hedging and retries are on', t => {
  const hedging = { ...OPTIONS, hedges: true }
  for (const [options, on] of [
    [hedging, true],
    [OPTIONS, false],
    [{ ...hedging, count: 0 }, false],
  ] as const)
    for (const method of Object.keys(METHOD) as (keyof typeof METHOD)[])
      for (const body of ['none', 'held'] as const)
        for (const wantsUpgrade of [false, true]) {
          const exchange = exchangeOf({ method, body, retries: 0, status: 0, metStale: false })
          exchange.wantsUpgrade = wantsUpgrade
          const safe = ['GET', 'HEAD', 'OPTIONS'].includes(method) && body === 'none' && !wantsUpgrade
          t.equal(new RetryPolicy(options, { next: () => 0 }).allowsHedge(exchange), on && safe, method)
        }
  t.end()
})
