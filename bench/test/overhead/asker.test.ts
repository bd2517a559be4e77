import { createServer } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { askOnce, createAsker } from '../../src/overhead/asker.ts'
import { threadTimeUs } from '../../src/overhead/thread-time.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-asker-'))
const socketPath = path.join(folder, 's.sock')
let wrong = false
const server = createServer((request, response) => response.end(wrong ? 'wrong' : `at ${request.url}`))
await new Promise<void>(resolve => {
  server.listen(socketPath, resolve)
})
t.teardown(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

await t.test('every answer is counted, and an other one ends the measurement', async t => {
  const expected = await askOnce(socketPath, '/x')
  t.equal(expected, 'at /x')
  const asker = createAsker(socketPath, '/x', expected, 2)
  t.teardown(() => asker.close())
  t.ok((await asker.ask(50)) >= 2)
  wrong = true
  await t.rejects(asker.ask(50), { message: '/x answered 200: wrong' })
})

await t.test('the time of a process is that of its threads, and grows when it works', t => {
  const before = threadTimeUs(process.pid)
  const endMs = performance.now() + 30
  while (performance.now() < endMs) Math.sqrt(endMs)
  t.ok(threadTimeUs(process.pid) > before)
  t.throws(() => threadTimeUs(2 ** 22 + 1), { code: 'ENOENT' })
  t.end()
})
