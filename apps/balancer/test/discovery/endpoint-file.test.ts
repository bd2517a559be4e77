import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leakCheck, until } from '@plimsoll/testing'
import t from 'tap'
import { EndpointFile, parseEndpointFile } from '../../src/discovery/endpoint-file.ts'
import type { EndpointDescription } from '../../src/upstream/endpoint.ts'

leakCheck(t)

const text = (...endpoints: object[]) => JSON.stringify({ format: 1, sequence: 1, endpoints })

await t.test('a list is read with its defaults', async t => {
  t.match(
    parseEndpointFile(
      text({ id: '0-1', url: 'unix:/run/0-1.sock' }, { id: '1-1', url: 'http://h:1', state: 'draining', weight: 3 }),
    ),
    [
      { id: '0-1', weight: 1, administrative: 'ready', address: { kind: 'unix' } },
      { id: '1-1', weight: 3, administrative: 'draining', address: { kind: 'tcp' } },
    ],
  )
})

await t.test('a file that is wrong says where', async t => {
  t.throws(() => parseEndpointFile('{'), SyntaxError)
  t.throws(() => parseEndpointFile('{"format":2}'), /reads format 1/)
  t.throws(() => parseEndpointFile('{"format":1}'), /is not a list/)
  t.throws(() => parseEndpointFile(text({ id: 'a' })), /endpoints\[0\] needs/)
  t.throws(() => parseEndpointFile(text({ id: 'a', url: 'http://h', state: 'x' })), /endpoints\[0\]\.state/)
  t.throws(() => parseEndpointFile(text({ id: 'a', url: 'http://h', weight: 0 })), /endpoints\[0\]\.weight/)
  t.throws(() => parseEndpointFile(text({ id: 'a', url: 'http://h' }, { id: 'a', url: 'http://i' })), /stands twice/)
})

await t.test('a replaced file is noticed; a broken or missing one changes nothing and is reported once', async t => {
  const file = path.join(t.testdir(), 'endpoints.json')
  const lists: EndpointDescription[][] = []
  const faults: string[] = []
  let wake = () => {}
  const endpoints = new EndpointFile({
    path: file,
    pollMs: 50,
    onList: list => (lists.push(list), wake()),
    onFault: message => (faults.push(message), wake()),
  })
  t.teardown(() => endpoints.stop())
  const next = () => new Promise<void>(resolve => (wake = resolve))
  await endpoints.start()
  t.match(faults, [/ENOENT/])
  const replace = async (contents: string) => {
    const seen = next()
    await writeFile(`${file}.new`, contents)
    await rename(`${file}.new`, file)
    await seen
  }
  await replace(text({ id: 'a', url: 'http://h:1' }))
  t.same(
    lists.map(list => list.map(endpoint => endpoint.id)),
    [['a']],
  )
  await replace('{ torn')
  t.equal(lists.length, 1)
  t.equal(faults.length, 2)
  await replace(text({ id: 'b', url: 'http://h:2' }))
  t.same(
    lists.at(-1)?.map(endpoint => endpoint.id),
    ['b'],
  )
  t.equal(faults.length, 2)
})

await t.test('a fault that comes back after the same list is reported again', async t => {
  const file = path.join(t.testdir({ 'endpoints.json': text() }), 'endpoints.json')
  const lists: EndpointDescription[][] = []
  const faults: string[] = []
  const endpoints = new EndpointFile({
    path: file,
    pollMs: 10,
    onList: list => void lists.push(list),
    onFault: message => void faults.push(message),
  })
  t.teardown(() => endpoints.stop())
  await endpoints.start()
  const replace = async (contents: string) => {
    await writeFile(`${file}.new`, contents)
    await rename(`${file}.new`, file)
  }
  const good = text({ id: 'a', url: 'http://h:1' })
  await replace(good)
  await until(() => lists.length === 2, { what: 'the list' })
  await replace('{')
  await until(() => faults.length === 1, { what: 'the fault' })
  await replace(good)
  // The same text tells no list: that it was read shows in the fault, which can be told again.
  await until(
    async () => {
      await replace(good)
      await sleep(20)
      await replace('{')
      await sleep(20)
      return faults.length > 1
    },
    { what: 'the fault again' },
  )
  t.equal(lists.length, 2)
})

await t.test('after stop nobody is told anything, also when it was stopped in its first reading', async t => {
  const file = path.join(t.testdir({ 'endpoints.json': text() }), 'endpoints.json')
  const told: unknown[] = []
  const endpoints = new EndpointFile({
    path: file,
    pollMs: 10,
    onList: list => void told.push(list),
    onFault: message => void told.push(message),
  })
  const started = endpoints.start()
  endpoints.stop()
  await started
  t.same(told, [])
})
