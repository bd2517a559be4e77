import t from 'tap'
import { parseRedisOptions, type RedisOptions } from '../../src/redis/redis-options.ts'

await t.test('completes what is left out', async t => {
  t.same(parseRedisOptions({}), {
    address: { host: '127.0.0.1', port: 6379 },
    place: '127.0.0.1:6379',
    username: undefined,
    password: undefined,
    database: 0,
    tls: undefined,
    keyPrefix: 'plimsoll:',
    timeoutMs: 50,
    connectTimeoutMs: 1000,
    reconnectMaxMs: 2000,
    circuitBreaker: true,
    probeEveryMs: 1000,
    timeoutsToOpen: 1,
    silentMaxMs: 10_000,
  })
  t.ok(Object.isFrozen(parseRedisOptions({})))
})

await t.test('reads addresses of all kinds', async t => {
  const cases: [RedisOptions, object][] = [
    [{ url: 'redis://cache.example' }, { address: { host: 'cache.example', port: 6379 }, tls: undefined }],
    [{ url: 'redis://[::1]:7000/2' }, { address: { host: '::1', port: 7000 }, database: 2 }],
    [{ url: 'redis://me:p%40ss@host/' }, { username: 'me', password: 'p@ss', database: 0 }],
    [{ url: 'redis://:secret@host:1' }, { username: undefined, password: 'secret' }],
    [{ url: 'rediss://host' }, { tls: {} }],
    [{ url: 'rediss://host', tls: { servername: 'other' } }, { tls: { servername: 'other' } }],
    [{ url: 'redis://host/1', database: 4 }, { database: 4 }],
    [{ url: 'unix:///run/a%20b.sock' }, { address: { path: '/run/a b.sock' }, place: '/run/a b.sock' }],
    [
      { socketPath: '/run/redis.sock', username: 'u' },
      { address: { path: '/run/redis.sock' }, username: 'u' },
    ],
    [
      { host: 'h', port: 1, tls: true },
      { address: { host: 'h', port: 1 }, tls: {} },
    ],
  ]
  for (const [options, wanted] of cases) t.match(parseRedisOptions(options), wanted)
})

await t.test('refuses what is unknown, out of range or contradictory, by name', async t => {
  const cases: [object, RegExp][] = [
    [{ hots: 'h' }, /"hots"/],
    [{ toString: 1 }, /"toString"/],
    [{ url: 'redis://h', host: 'h' }, /url and host/],
    [{ url: 'redis://h', port: 1 }, /url and port/],
    [{ url: 'redis://h', socketPath: '/s' }, /url and socketPath/],
    [{ socketPath: '/s', host: 'h' }, /socketPath and host/],
    [{ socketPath: '/s', port: 1 }, /socketPath and port/],
    [{ socketPath: '/s', tls: true }, /socketPath and tls/],
    [{ url: 'http://h' }, /url takes/],
    [{ url: 'redis://' }, /url takes/],
    [{ url: 'nonsense' }, /url takes/],
    [{ url: 'redis://h/one' }, /database takes .* not NaN/],
    [{ port: 0 }, /port takes a whole number from 1 to 65535/],
    [{ timeoutMs: 0 }, /timeoutMs/],
    [{ timeoutMs: 1.5 }, /timeoutMs/],
    [{ connectTimeoutMs: Number.POSITIVE_INFINITY }, /connectTimeoutMs/],
    [{ keyPrefix: '' }, /keyPrefix/],
    [{ keyPrefix: '\uD800' }, /keyPrefix/],
  ]
  for (const [options, message] of cases) {
    t.throws(() => parseRedisOptions(options), { code: 'CACHE_ERR_OPTION', message })
  }
})

await t.test('never names a password', async t => {
  for (const url of ['redis://me:secret@', 'http://me:secret@host', 'redis://me:secret@host:99999/']) {
    try {
      parseRedisOptions({ url })
      t.fail(url)
    } catch (error) {
      t.notMatch(String(error), /secret/)
    }
  }
})
