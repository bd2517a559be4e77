// Run by leak-check.test.ts: tests that leave something behind, each of another kind, and tests that don't.
import { spawn } from 'node:child_process'
import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { leakCheck } from '@plimsoll/testing'

leakCheck(t, { settleMs: 200 })

const end = new AbortController()

await t.test('clean', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  await sleep(1)
  t.pass('closed in teardown')
})

await t.test('leaves a server', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  end.signal.addEventListener('abort', () => server.close())
  await once(server, 'listening')
  t.pass()
})

await t.test('leaves a timer', t => {
  const timer = setTimeout(() => {}, 60_000)
  end.signal.addEventListener('abort', () => clearTimeout(timer))
  t.pass()
  t.end()
})

await t.test('leaves a child', t => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore' })
  end.signal.addEventListener('abort', () => child.kill())
  t.pass()
  t.end()
})

await t.test('leaves nothing beside what the earlier ones left', async t => {
  await t.test('neither does its subtest', t => {
    t.pass()
    t.end()
  })
})

end.abort()
