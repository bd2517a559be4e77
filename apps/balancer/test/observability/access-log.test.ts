// The access log: one line per exchange, with how long each part took; a disk that's full costs lines, never requests.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { answerTo, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const FLAGS = ['--health.interval-ms=60000', '--timeouts.linger-ms=50', '--stall.min-silence-ms=0']

await t.test('the parts of the time add up', async t => {
  const log = path.join(t.testdir(), 'access.log')
  const origin = await strictOrigin(t, async (_request, peer) => {
    await new Promise(resolve => setTimeout(resolve, 80))
    await peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab')
    await new Promise(resolve => setTimeout(resolve, 60))
    return 'cd'
  })
  const balancer = await startBalancer(t, [origin.url], [...FLAGS, `--log.access=${log}`])
  await answerTo(t, balancer.port, `${get('/timed', 'Content-Length: 3\r\n', 'POST')}xyz`, 'POST')
  await balancer.stop()
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  t.equal(lines.length, 1)
  const line = JSON.parse(lines[0] ?? '') as Record<string, number>
  t.match(line, {
    client: '127.0.0.1',
    method: 'POST',
    target: '/timed',
    version: '1.1',
    status: 200,
    bytesIn: 3,
    bytesOut: 4,
    endpoint: origin.url,
    tries: 1,
    retries: [],
    notRetried: null,
    end: 'answered',
    error: null,
  })
  const { queueMs = -1, connectMs = -1, firstByteMs = -1, totalMs = -1 } = line
  t.ok(queueMs >= 0 && connectMs >= 0, 'both happened')
  // Timers of Node may fire up to a millisecond early.
  t.ok(firstByteMs >= 79 && firstByteMs >= queueMs + connectMs, `${firstByteMs} ms to the first byte`)
  t.ok(totalMs >= firstByteMs && totalMs >= 138, `${totalMs} ms in all`)
  t.match(String(line['time']), /^\d{4}-\d\d-\d\dT.*Z$/)
})

await t.test('a full disk costs lines, never a request', async t => {
  if (!existsSync('/dev/full')) {
    t.comment('NOT TESTED: there is no /dev/full here')
    return
  }
  const origin = await strictOrigin(t, () => answer('well'))
  const balancer = await startBalancer(t, [origin.url], [...FLAGS, '--log.access=/dev/full'])
  for (let i = 0; i < 600; i++) {
    if (i % 100 === 0) t.equal((await answerTo(t, balancer.port, get(`/${'x'.repeat(500)}`))).status, 200)
    else await (await fetch(`${balancer.url}/${'x'.repeat(500)}`)).text()
  }
  t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  t.equal(await balancer.stop(), 0, 'nor does it hold up the end')
})
