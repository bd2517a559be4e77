// A fault of the balancer's own, provoked by a logger that throws: it costs one connection, and neither the process nor anyone else.
import { loadConfig } from '@plimsoll/config'
import { createLogger } from '@plimsoll/telemetry'
import { rawClient } from '@plimsoll/testing'
import t from 'tap'
import { balancerProgram, createBalancer } from '../src/index.ts'
import { answerTo, get } from './conversation.ts'
import { strictOrigin } from './strict-origin.ts'

await t.test('an exception in the middle of a request closes its connection, and nothing else', async t => {
  const origin = await strictOrigin(t)
  const logger = createLogger({ level: 'silent', name: 'balancer' })
  const faults: unknown[] = []
  logger.debug = () => {
    throw new Error('the log is broken')
  }
  logger.error = (facts: unknown) => void faults.push(facts)
  const loaded = loadConfig(balancerProgram, {
    env: {},
    argv: ['--listen=127.0.0.1:0', '--admin=127.0.0.1:0', `--upstream=${origin.url}`, '--shutdown.grace-ms=0'],
  })
  if (loaded.kind !== 'run') throw new Error('the flags ask for help')
  const balancer = createBalancer(loaded.config, { logger, random: { next: () => 0.5 } })
  t.teardown(() => balancer.stop())
  const port = Number((await balancer.start()).listen.split(':')[1])

  const other = await rawClient(t, port)
  const client = await rawClient(t, port)
  // Refusals are logged for debugging.
  await client.write(get('/', 'Expect: nonsense\r\n'))
  await client.expectClosed()
  t.match(faults, [{ code: 'LB_ERR_INTERNAL', err: Error }])
  t.equal((await answerTo(t, port, get('/'))).status, 200)
  // The endpoint's failure is told on another path than bytes are: its connection closes.
  logger.warn = () => {
    throw new Error('the log is broken')
  }
  await origin.close()
  const late = await rawClient(t, port)
  const before = faults.length
  await late.write(get('/', 'Content-Length: 0\r\n', 'POST'))
  await late.expectClosed()
  t.ok(faults.length > before)
  logger.warn = () => {}
  await other.write(get('/other'))
  t.ok((await other.readResponse()).status >= 502, 'it still answers, although nobody is behind it')
})
