import t from 'tap'
import { categoryLogger, createLogger, defaultLogLevel } from '@plimsoll/telemetry'

function collect() {
  const lines: string[] = []
  return { lines, destination: { write: (line: string) => void lines.push(line) } }
}
const parse = (line: string | undefined) => JSON.parse(line ?? '') as Record<string, unknown>

await t.test('a line is one JSON object with time, level as a word, program and category', async t => {
  const { lines, destination } = collect()
  const logger = categoryLogger(
    createLogger({ level: 'info', name: 'api', base: { worker: 1 }, destination }),
    'startup',
  )
  logger.info({ port: 8080 }, 'listening')
  const line = parse(lines[0])
  t.match(line, { level: 'info', name: 'api', worker: 1, category: 'startup', port: 8080, msg: 'listening' })
  t.match(line['time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

await t.test('a level below the threshold writes nothing', async t => {
  const { lines, destination } = collect()
  createLogger({ level: 'warn', name: 'api', destination }).info('hidden')
  t.same(lines, [])
})

await t.test('text from outside cannot begin a line of its own', async t => {
  const { lines, destination } = collect()
  createLogger({ level: 'info', name: 'api', destination }).info({ agent: 'x\r\n{"level":"fatal"}' }, 'a\nb')
  t.equal(lines.length, 1)
  t.equal(lines[0]?.trimEnd().includes('\n'), false)
})

await t.test('credentials are censored wherever they stand in the first three levels', async t => {
  const { lines, destination } = collect()
  const logger = createLogger({ level: 'info', name: 'api', destination })
  logger.info({
    password: 's3cret',
    headers: { authorization: 's3cret', cookie: 's3cret' },
    req: { headers: { 'set-cookie': 's3cret' } },
  })
  t.notMatch(lines[0], /s3cret/)
})

t.equal(defaultLogLevel('development'), 'debug')
t.equal(defaultLogLevel('staging'), 'info')
t.equal(defaultLogLevel('production'), 'warn')
