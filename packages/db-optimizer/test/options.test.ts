import t from 'tap'
import { completeOptions, type DatabaseOptions } from '../src/options.ts'

const url = 'postgres://u:secret@127.0.0.1:5432/db'

await t.test('sizes follow the environment and what is given', t => {
  const onSlowQuery = (): void => {}
  t.match(completeOptions({ url, onSlowQuery }), {
    routes: [{ name: 'main', minConnections: 2, maxConnections: 10, pooler: false }],
    commandTimeoutMs: 30_000,
    connectTimeoutMs: 10_000,
    slowQuery: { thresholdMs: 100 },
  })
  t.match(completeOptions({ url, onSlowQuery, environment: 'production' }), {
    routes: [{ minConnections: 10, maxConnections: 50 }],
    slowQuery: { thresholdMs: 500 },
  })
  t.match(completeOptions({ url, environment: 'production', maxConnections: 4 }), {
    routes: [{ minConnections: 4, maxConnections: 4 }],
  })
  t.end()
})

await t.test('each route has its own sizes; a pooler gets no settings of a session and prepares nothing', t => {
  const { routes } = completeOptions({
    routes: [
      { name: 'pooled', url, pooler: true },
      { name: 'direct', url, maxConnections: 3 },
    ],
    settings: { timezone: 'UTC' },
    maxConnections: 8,
  })
  t.match(routes, [
    { name: 'pooled', minConnections: 2, maxConnections: 8, driver: { prepare: false } },
    { name: 'direct', minConnections: 0, maxConnections: 3, driver: { prepare: true } },
  ])
  t.same(routes[0]?.driver.connection, { application_name: 'db-optimizer', timezone: 'UTC' })
  t.same(routes[1]?.driver.connection, {
    application_name: 'db-optimizer',
    timezone: 'UTC',
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 30_000,
  })
  t.equal(
    completeOptions({ routes: [{ name: 'a', url, pooler: true, prepare: true }] }).routes[0]?.driver.prepare,
    true,
  )
  t.end()
})

await t.test('wrong options are refused by name, with unit and range, without the address', t => {
  const cases: [object, RegExp][] = [
    [{ maxConnections: 0 }, /maxConnections is 0; .* connections from 1 to 1000/],
    [{ acquireTimeoutMs: 1.5 }, /acquireTimeoutMs is 1.5; .* ms from/],
    [{ minConnections: 5, maxConnections: 4 }, /minConnections \(5\) is above maxConnections \(4\)/],
    [{ max: 3 }, /"max": use maxConnections/],
    [{ colour: 1 }, /no option "colour"/],
    [{ environment: 'staging' }, /environment is staging/],
    [{ url: 'mysql://u:secret@x' }, /postgres:\/\//],
    [{ name: '' }, /name has to be/],
    [{ routes: [{ name: 'a', url }] }, /Either url or routes/],
    [{ url: undefined }, /Either url or routes/],
    [{ url: undefined, routes: [] }, /1 to 5 routes/],
    [{ url: undefined, routes: [{ name: 'a', url: 'mysql://u:secret@x' }] }, /routes\[0\]\.url has to begin/],
    [{ url: undefined, routes: [{ name: 'a', url, poller: true }] }, /no option "routes\[0\]\.poller"/],
    [
      {
        url: undefined,
        routes: [
          { name: 'a', url },
          { name: 'a', url },
        ],
      },
      /same name/,
    ],
    [
      { url: undefined, routes: [{ name: 'a', url, pooler: true }], settings: { search_path: 'x' } },
      /settings\.search_path can't be sent through a pooler/,
    ],
    [{ slowQuerySampleRatio: 2 }, /slowQuerySampleRatio is 2/],
    [{ maxAttempts: 11 }, /maxAttempts is 11; .* executions from 1 to 10/],
  ]
  for (const [options, message] of cases) {
    t.throws(() => completeOptions({ url, ...options } as DatabaseOptions), { code: 'DB_ERR_OPTION', message })
    try {
      completeOptions({ url, ...options } as DatabaseOptions)
    } catch (error) {
      t.notMatch(String(error), /secret/)
    }
  }
  t.end()
})
