import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Static } from 'typebox'
import { ConfigError, loadConfig, option } from '@plimsoll/config'
import type { ConfigProgram, ConfigSources, DeepReadonly } from '@plimsoll/config'

const upstreamFromText = (text: string): unknown => {
  const [url, weight] = text.split(',weight=')
  if (!url?.startsWith('http://')) throw new Error(`"${text}" is no upstream; write http://host:port[,weight=N]`)
  return { url, ...(weight === undefined ? {} : { weight: Number(weight) }) }
}

const schema = option.Object({
  listen: option.String({ default: '127.0.0.1:8080', env: ['LB_LISTEN', 'PORT'] }),
  upstreams: option.Array(
    option.Object({ url: option.String(), weight: option.Integer({ default: 1, minimum: 1, maximum: 1000 }) }),
    { flag: 'upstream', env: 'UPSTREAMS', fromText: upstreamFromText },
  ),
  strategy: option.Enum(['round-robin', 'least-connections'], { default: 'round-robin' }),
  health: option.Object({
    path: option.Optional(option.String({ pattern: '^/' })),
    intervalMs: option.Integer({ default: 2000, minimum: 10, maximum: 60_000, unit: 'ms', env: 'HEALTH_INTERVAL_MS' }),
    enabled: option.Boolean({ default: true, env: 'HEALTH_ENABLED' }),
  }),
  timeouts: option.Object({ tryMs: option.Integer({ default: 10_000 }), totalMs: option.Integer({ default: 30_000 }) }),
  tls: option.Optional(
    option.Object({
      keyFile: option.String(),
      certFile: option.String(),
      minVersion: option.String({ default: '1.2' }),
    }),
  ),
  token: option.Optional(option.String({ secret: true, minLength: 8, env: 'TOKEN' })),
  labels: option.Record(option.String(), option.String(), { default: {} }),
})
type Config = DeepReadonly<Static<typeof schema>>

const program: ConfigProgram<typeof schema> = {
  name: 'balancer',
  schema,
  check: ({ timeouts }) =>
    timeouts.tryMs > timeouts.totalMs
      ? [
          {
            paths: ['timeouts.tryMs', 'timeouts.totalMs'],
            message: 'timeouts.tryMs is longer than timeouts.totalMs, so no try could use its time; lower the first',
          },
        ]
      : [],
}

/** What a test gives; `file` stands for the text of the file f.json. */
type Given = Partial<Pick<ConfigSources, 'env' | 'argv'>> & { file?: string | object }

function load({ env = {}, argv = [], file }: Given = {}) {
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  const words = file === undefined ? argv : ['--config', 'f.json', ...argv]
  return loadConfig(program, { env, argv: words, readFile: () => text })
}

const UPSTREAM = { argv: ['--upstream', 'http://a:1'] }

function configOf(given: Given): Config {
  const loaded = load(given)
  if (loaded.kind === 'help') throw new Error('help was not asked for')
  return loaded.config
}

function problemsOf(given: Given): string[] {
  try {
    load(given)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(issue => issue.message)
    throw error
  }
  return []
}

await t.test('defaults fill everything that nobody gives, at any depth, and optional keys stay absent', async t => {
  t.strictSame(configOf(UPSTREAM), {
    listen: '127.0.0.1:8080',
    upstreams: [{ url: 'http://a:1', weight: 1 }],
    strategy: 'round-robin',
    health: { intervalMs: 2000, enabled: true },
    timeouts: { tryMs: 10_000, totalMs: 30_000 },
    labels: {},
  })
})

await t.test('a flag wins over the environment, that over the file, and that over the default', async t => {
  const file = {
    listen: 'file',
    upstreams: [],
    strategy: 'least-connections',
    health: { intervalMs: 11, enabled: false },
  }
  const env = { PORT: 'env', HEALTH_INTERVAL_MS: '12', UPSTREAMS: 'http://b:1 http://c:1,weight=7' }
  const loaded = load({ file, env, argv: ['--health.interval-ms', '13'] })
  t.match(loaded, {
    kind: 'run',
    config: {
      listen: 'env',
      upstreams: [
        { url: 'http://b:1', weight: 1 },
        { url: 'http://c:1', weight: 7 },
      ],
      strategy: 'least-connections',
      health: { intervalMs: 13, enabled: false },
    },
  })
  t.strictSame(loaded.kind === 'run' && Object.fromEntries(loaded.sources), {
    listen: 'env',
    upstreams: 'env',
    strategy: 'file',
    'health.intervalMs': 'flag',
    'health.enabled': 'file',
    'timeouts.tryMs': 'default',
    'timeouts.totalMs': 'default',
    labels: 'default',
  })
})

await t.test('of several variables the first that is not empty counts; an empty one counts as not set', async t => {
  t.equal(configOf({ ...UPSTREAM, env: { LB_LISTEN: 'a', PORT: 'b' } }).listen, 'a')
  t.equal(configOf({ ...UPSTREAM, env: { LB_LISTEN: '', PORT: 'b' } }).listen, 'b')
  t.equal(configOf({ ...UPSTREAM, env: { LB_LISTEN: '', PORT: '' } }).listen, '127.0.0.1:8080')
  t.match(problemsOf({ env: { UPSTREAMS: '' } }), [/UPSTREAMS is there but empty, which counts as not set/])
})

await t.test('a list is replaced whole by a stronger source', async t => {
  const config = configOf({
    file: { upstreams: ['http://f:1', { url: 'http://g:1' }] },
    argv: ['--upstream', 'http://a:1'],
  })
  t.strictSame(config.upstreams, [{ url: 'http://a:1', weight: 1 }])
  t.strictSame(configOf({ file: { upstreams: ['http://f:1'] }, argv: ['--no-upstream'] }).upstreams, [])
})

await t.test('an optional group is there as soon as one of its options is given, complete or refused', async t => {
  t.notOk('tls' in configOf(UPSTREAM))
  const flags = ['--upstream', 'http://a:1', '--tls.key-file', 'k', '--tls.cert-file', 'c']
  t.strictSame(configOf({ argv: flags }).tls, { keyFile: 'k', certFile: 'c', minVersion: '1.2' })
  t.strictSame(configOf({ file: { tls: { keyFile: 'k' } }, argv: [...UPSTREAM.argv, '--tls.cert-file', 'c'] }).tls, {
    keyFile: 'k',
    certFile: 'c',
    minVersion: '1.2',
  })
  t.strictSame(problemsOf({ ...UPSTREAM, file: { tls: {} } }), [
    'tls.keyFile: is not set; give --tls.key-file or put "tls.keyFile" into the file of --config: text',
    'tls.certFile: is not set; give --tls.cert-file or put "tls.certFile" into the file of --config: text',
  ])
})

await t.test('all problems are reported at once, one line each: where, what, and what to do', async t => {
  const file =
    '{\n  "listen": 5,\n  "helth": {},\n  "health": { "path": "x", "path": "y" },\n  "upstreams": [{ "url": "http://a", "wieght": 2 }]\n}'
  const env = { HEALTH_INTERVAL_MS: '1e3', HEALTH_ENABLED: 'yes' }
  const argv = ['--strategy', 'rr', '--health.intervall-ms=5', '--timeouts.try-ms']
  t.strictSame(problemsOf({ file, env, argv }), [
    'flag --health.intervall-ms: is not known; did you mean --health.interval-ms?',
    'flag --timeouts.try-ms: has no value; write --timeouts.try-ms VALUE, or --timeouts.try-ms=VALUE for one that begins with dashes',
    'file f.json:4:28 at health.path: the key stands twice in this object; keep one',
    'file f.json:2:3 at listen: 5 is not valid; give text',
    'file f.json:3:3 at helth: "helth" is not known; did you mean "health"?',
    'file f.json:4:28 at health.path: "y" is not valid; give text that matches /^\\//',
    'file f.json:5:38 at upstreams[0].wieght: "wieght" is not known; did you mean "weight"?',
    'flag --strategy: "rr" is not valid; give one of: round-robin, least-connections',
    'environment HEALTH_INTERVAL_MS (health.intervalMs): "1e3" is not valid; give a whole number from 10 to 60000 (ms), in digits alone',
    'environment HEALTH_ENABLED (health.enabled): "yes" is not valid; give true or false',
  ])
})

await t.test('an error has a code and issues to act on; its message is one line for one problem', async t => {
  t.throws(() => load(), {
    name: 'ConfigError',
    code: 'CONFIG_ERR_MISSING_VALUE',
    message:
      /^upstreams: is not set; give --upstream or set UPSTREAMS or put "upstreams" into the file of --config: a list$/,
    issues: [{ code: 'CONFIG_ERR_MISSING_VALUE', path: 'upstreams', source: 'unset' }],
  })
  t.throws(() => load({ argv: ['--nope', '--listen'] }), {
    code: 'CONFIG_ERR_UNKNOWN_OPTION',
    message: /^3 problems in the configuration:\n {2}flag --nope.*\n {2}flag --listen.*\n {2}upstreams/,
  })
})

await t.test('a value that a stronger source replaces is checked too', async t => {
  t.match(
    problemsOf({
      ...UPSTREAM,
      env: { HEALTH_INTERVAL_MS: 'x' },
      argv: ['--upstream', 'http://a', '--health.interval-ms', '50'],
    }),
    [/^environment HEALTH_INTERVAL_MS/],
  )
})

await t.test('an option whose value was refused is not reported as missing as well', async t => {
  t.equal(problemsOf({ argv: ['--upstream', 'ftp://a'] }).length, 1)
  t.equal(problemsOf({ argv: ['--upstream'] }).length, 1)
  t.equal(problemsOf({ ...UPSTREAM, file: { tls: 5 } }).length, 1)
})

await t.test(
  'contradictions name both options and where their values came from, once everything else is right',
  async t => {
    const argv = [...UPSTREAM.argv, '--timeouts.try-ms', '40000']
    t.strictSame(problemsOf({ argv }), [
      'timeouts.tryMs is longer than timeouts.totalMs, so no try could use its time; lower the first (timeouts.tryMs: flag, timeouts.totalMs: default)',
    ])
    t.throws(() => load({ argv }), {
      code: 'CONFIG_ERR_CONTRADICTION',
      issues: [{ path: 'timeouts.tryMs', source: 'flag' }],
    })
    t.equal(problemsOf({ argv: [...argv, '--strategy', 'x'] }).length, 1)
    const plain = { ...program, check: () => ['a and b do not go together'] }
    t.throws(() => loadConfig(plain, { env: {}, ...UPSTREAM }), { message: 'a and b do not go together' })
  },
)

await t.test('keys of the file are nested, unknown ones are errors, and $schema is for the editor', async t => {
  t.match(problemsOf({ ...UPSTREAM, file: { 'health.path': '/a' } }), [
    /keys are nested in the file: "health": { "path": ... }/,
  ])
  t.match(problemsOf({ ...UPSTREAM, file: { health: { 'interval-ms': 5 } } }), [/did you mean "intervalMs"\?/])
  t.match(problemsOf({ ...UPSTREAM, file: { intervalMs: 5 } }), [/did you mean "health.intervalMs"\?/])
  t.match(problemsOf({ ...UPSTREAM, file: { health: 5 } }), [
    /^file f.json:1:2 at health: is not an object; write { "path": /,
  ])
  t.match(problemsOf({ ...UPSTREAM, file: { health: { $schema: '' } } }), [/"\$schema" is not known/])
  t.strictSame(problemsOf({ ...UPSTREAM, file: { $schema: './balancer.schema.json' } }), [])
})

await t.test('names that JavaScript treats specially are keys like any other', async t => {
  const labels = configOf({ ...UPSTREAM, file: '{"labels": {"__proto__": "a", "constructor": "b"}}' }).labels
  t.strictSame(Object.entries(labels), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ])
  for (const name of ['__proto__', 'constructor', 'toString']) {
    t.match(problemsOf({ ...UPSTREAM, file: `{"${name}": {"a": 1}}` }), [/is not known/])
    t.match(problemsOf({ argv: [...UPSTREAM.argv, `--${name}`, 'x'] }), [/is not known/])
  }
})

await t.test('a file that is no JSON object, or cannot be read, is one clear line', async t => {
  t.strictSame(problemsOf({ file: '{"token": hunter2}' }).slice(0, 1), [
    'file f.json:1:11: is not JSON here: expected a value',
  ])
  t.match(problemsOf({ file: '[]' }), [/^file f.json: holds no JSON object/])
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-config-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const fail = (path: string) => {
    t.throws(() => loadConfig(program, { env: {}, argv: [...UPSTREAM.argv, '--config', path] }), {
      code: 'CONFIG_ERR_FILE_UNREADABLE',
      message: new RegExp(`^file ${path}: `),
    })
  }
  fail(folder)
  fail(join(folder, 'none.json'))
  const path = join(folder, 'some.json')
  writeFileSync(path, '\uFEFF{ "strategy": "least-connections" }')
  t.match(loadConfig(program, { env: {}, argv: [...UPSTREAM.argv, '--config', path] }), {
    config: { strategy: 'least-connections' },
  })
})

await t.test('the configuration is frozen and shares nothing with the schema', async t => {
  const config = configOf(UPSTREAM)
  t.ok(
    [config, config.health, config.upstreams, config.upstreams[0], config.labels].every(part => Object.isFrozen(part)),
  )
  t.not(config.labels, schema.properties.labels)
  t.throws(() => {
    // @ts-expect-error the type says so too
    config.health.intervalMs = 5
  }, TypeError)
})

await t.test('--help wins over every problem, --check-config reports them', async t => {
  t.match(load({ argv: ['--nope', '--config', '--help'] }), { kind: 'help', text: /^Usage: balancer \[options\]\n/ })
  t.match(load({ argv: [...UPSTREAM.argv, '--check-config'] }), { kind: 'check', config: { listen: '127.0.0.1:8080' } })
  t.throws(() => load({ argv: ['--check-config'] }), { code: 'CONFIG_ERR_MISSING_VALUE' })
})

await t.test('words without a flag reach a program that takes them', async t => {
  const taking = { ...program, operands: '[SUITE...]' }
  t.match(loadConfig(taking, { env: {}, argv: ['smoke', ...UPSTREAM.argv, 'soak'] }), { operands: ['smoke', 'soak'] })
  t.match(problemsOf({ argv: [...UPSTREAM.argv, 'smoke'] }), [/^argument 3 "smoke"/])
})

await t.test('no message, from any source, gives a secret away', async t => {
  const secret = 'hunter2'
  const everywhere: Given[] = [
    { argv: [...UPSTREAM.argv, '--token', secret] },
    { argv: [...UPSTREAM.argv, `--tokn=${secret}`] },
    { argv: [...UPSTREAM.argv, '--token', 'a long one', secret] },
    { ...UPSTREAM, env: { TOKEN: secret } },
    { ...UPSTREAM, file: { token: secret } },
    { ...UPSTREAM, file: { token: [secret] } },
    { ...UPSTREAM, file: `{"token": "${secret}` },
    { argv: ['--upstream', `postgres://u:${secret}@h`] },
  ]
  for (const given of everywhere) {
    const problems = problemsOf(given)
    t.not(problems.length, 0)
    t.notMatch(problems.join('\n'), new RegExp(secret))
  }
})
