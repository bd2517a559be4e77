import t from 'tap'
import { Type } from 'typebox'
import { renderHelp } from '@plimsoll/config'

const schema = Type.Object({
  listen: Type.String({
    description: 'Address that clients connect to.',
    default: '127.0.0.1:8080',
    env: 'PORT',
    placeholder: 'host:port',
  }),
  upstream: Type.Array(
    Type.Object({
      url: Type.String({ description: 'Where it is.' }),
      weight: Type.Integer({ description: 'Its share.', default: 1, minimum: 1, maximum: 1000 }),
    }),
    {
      description: 'Servers.',
      default: [],
      fromText: (text: string) => ({ url: text }),
      placeholder: 'url[,weight=N]',
    },
  ),
  strategy: Type.Enum(['round-robin', 'least-connections', 'power-of-two-choices', 'random'], { description: 'How.' }),
  token: Type.String({ description: 'Token.', secret: true, default: 'hunter2' }),
  labels: Type.Record(Type.String(), Type.String(), { description: 'Labels.', default: {} }),
  health: Type.Object(
    {
      path: Type.Optional(Type.String({ description: 'Path to ask.' })),
      intervalMs: Type.Integer({
        description:
          'Time between two checks of one endpoint, which is deliberately described at great length so that it has to be wrapped at the edge.',
        unit: 'ms',
        zero: 'no checks',
        default: 2000,
        minimum: 0,
        maximum: 60_000,
        env: ['A', 'B'],
      }),
      enabled: Type.Boolean({ description: 'Whether to check.', default: true }),
    },
    { description: 'Active checks.' },
  ),
})

await t.test('every option is there with flag, variable, unit, range, default and meaning', async t => {
  t.equal(
    renderHelp({ name: 'balancer', schema }),
    `Usage: balancer [options]

Of an option given in several places counts: flag, else environment, else file, else default.
A switch is given as --x, --x=false or --no-x, a list by one flag per element or --no-x for none.
An environment variable that is empty counts as not set.

Options
  --listen <host:port>
      Address that clients connect to.
      Default 127.0.0.1:8080; environment PORT.
  --upstream <url[,weight=N]> ...
      Servers.
      Default none.
      Keys in the file:
      url: Where it is. Required.
      weight: Its share. Default 1; from 1 to 1000.
  --strategy <name>
      How.
      Required; one of: round-robin, least-connections, power-of-two-choices, random.
  --token <text>
      Token.
      Default •••.
  labels (only in the file)
      Labels.
      Default {}.

health: Active checks.
  --health.path <text>
      Path to ask.
      Not set by default.
  --health.interval-ms <ms>
      Time between two checks of one endpoint, which is deliberately described at great length so
      that it has to be wrapped at the edge. 0: no checks.
      Default 2000; from 0 to 60000; in ms; environment A, B.
  --[no-]health.enabled
      Whether to check.
      Default true.

Every program
  --config <file>
      JSON file of options, nested where their names have dots.
  --check-config
      Checks the configuration, says so and ends.
  --help, -h
      Shows this text.
`,
  )
})

await t.test('no line is longer than 100 columns unless a single word is', async t => {
  const words = 'word '.repeat(200)
  const long = Type.Object({ a: Type.String({ description: `${words} ${'x'.repeat(150)} ${words}` }) })
  const lines = renderHelp({ name: 'x', schema: long, usage: `x ${words}` }).split('\n')
  t.strictSame(
    lines.filter(line => line.length > 100).map(line => line.trim().length),
    [150],
  )
  t.notOk(lines.some(line => /\s$/.test(line)))
})

await t.test('usage and operands are shown', async t => {
  t.match(renderHelp({ name: 'x', schema, usage: 'x --listen 127.0.0.1:1' }), /^Usage: x --listen 127.0.0.1:1\n/)
  t.match(renderHelp({ name: 'x', schema, usage: 'npm start\nnpm run dev' }), /^Usage: npm start\n {7}npm run dev\n\n/)
  t.match(renderHelp({ name: 'x', schema, operands: '[SUITE...]' }), /^Usage: x \[options\] \[SUITE\.\.\.\]\n/)
})
