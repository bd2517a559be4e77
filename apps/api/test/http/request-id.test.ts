import t from 'tap'
import type { IncomingMessage } from 'node:http'
import { requestIds } from '../../src/http/request-id.ts'

const request = (id: string | undefined) =>
  ({ headers: { 'x-request-id': id }, socket: { remoteAddress: '10.0.0.1' } }) as unknown as IncomingMessage

await t.test('the id of a believed peer is kept when it is harmless', async t => {
  const idOf = requestIds({ trustPeer: () => true, prefix: 'process1' })
  for (const id of ['12345678', 'a.b_c~d-9', 'f'.repeat(64)]) t.equal(idOf(request(id)), id)
})

await t.test('ids that could do harm, or are too short or long to be one, are replaced', async t => {
  const idOf = requestIds({ trustPeer: () => true, prefix: 'process1' })
  for (const id of [
    undefined,
    '',
    'short',
    'f'.repeat(65),
    'with space',
    'line\nbreak',
    '"quoted"',
    '<script>',
    'äöüäöüäöü',
    '12345678\r',
    '%0d%0a%0d%0a',
  ]) {
    t.match(idOf(request(id)), /^process1-[0-9a-z]+$/, String(id))
  }
})

await t.test('nobody else chooses an id, and each request gets another', async t => {
  const asked: (string | undefined)[] = []
  const idOf = requestIds({ trustPeer: address => (asked.push(address), false), prefix: 'process1' })
  const ids = Array.from({ length: 100 }, () => idOf(request('chosen-by-client')))
  t.equal(new Set(ids).size, 100)
  t.ok(ids.every(id => id.startsWith('process1-')))
  t.equal(asked[0], '10.0.0.1')
})
