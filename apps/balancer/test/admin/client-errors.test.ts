import { leakCheck, rawClient } from '@plimsoll/testing'
import t from 'tap'
import { startAdmin } from './start-admin.ts'

leakCheck(t)

await t.test('broken bytes behind a good request take nothing from its answer, and get none of their own', async t => {
  const admin = await startAdmin(t)
  const client = await rawClient(t, admin.port)
  await client.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.equal((await client.readResponse()).status, 200)
  await client.write('broken\r\n\r\n')
  t.equal(await client.expectClosed(), 'ended')
  t.equal(client.unread.length, 0)
})

await t.test('a client that resets in the middle of a request costs nothing', async t => {
  const admin = await startAdmin(t)
  const client = await rawClient(t, admin.port)
  await client.write('POST /admin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{')
  client.reset()
  t.equal((await admin.ask('/health')).status, 200)
  t.same(admin.control.changes, [])
})

await t.test('who does not close after a refusal is closed', async t => {
  const admin = await startAdmin(t)
  const client = await rawClient(t, admin.port)
  await client.write('broken\r\n\r\n')
  t.equal((await client.readResponse()).header('connection'), 'close')
  t.equal(await client.expectClosed(), 'ended')
})
