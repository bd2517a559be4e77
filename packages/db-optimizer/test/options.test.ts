import t from 'tap'
import { completeOptions, type DatabaseOptions } from '../src/options.ts'

const url = 'postgres://u:secret@127.0.0.1:5432/db'

await t.test('sizes follow the environment and what is given', t => {
  t.match(completeOptions({ url }), {
    minConnections: 2,
    maxConnections: 10,
    commandTimeoutMs: 30_000,
    connectTimeoutMs: 10_000,
  })
  t.match(completeOptions({ url, environment: 'production' }), { minConnections: 10, maxConnections: 50 })
  t.match(completeOptions({ url, environment: 'production', maxConnections: 4 }), {
    minConnections: 4,
    maxConnections: 4,
  })
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
