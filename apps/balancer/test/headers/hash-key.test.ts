import { METHOD, type MessageHead, RequestParser } from '@plimsoll/http1'
import fc from 'fast-check'
import t from 'tap'
import { parseHashKey } from '../../src/config/hash-options.ts'
import type { ClientConnection } from '../../src/downstream/client-connection.ts'
import { Exchange, type ExchangeStages } from '../../src/exchange.ts'
import { hashKeyFor } from '../../src/headers/hash-key.ts'

function headWith(fields: string): MessageHead {
  const parser = new RequestParser({ onHead() {}, onBody() {}, onTrailers() {}, onEnd() {}, onRefusal() {} })
  const bytes = Buffer.from(`GET /a HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`, 'latin1')
  parser.execute(bytes, 0, bytes.length)
  return parser.head
}

function exchangeFor(target: string): Exchange {
  const exchange = new Exchange({} as ClientConnection, {} as ExchangeStages)
  exchange.methodId = METHOD.GET
  exchange.target = target
  exchange.clientAddress = '10.0.0.7'
  return exchange
}

const key = (option: string, target: string, fields = '') =>
  hashKeyFor(parseHashKey(option), exchangeFor(target), headWith(fields))

await t.test('each source takes its own part of the request', t => {
  for (const [option, expected] of [
    ['target', '/users/7?page=2'],
    ['path', '/users/7'],
    ['client', '10.0.0.7'],
    ['header:X-User', '7'],
    ['header:x-other', undefined],
  ] as const)
    t.equal(key(option, '/users/7?page=2', 'x-uSeR: 7\r\n'), expected, option)
  t.end()
})

await t.test('the path is what comes before the first question mark, and the query never changes it', t => {
  t.equal(key('path', '/a'), '/a')
  t.equal(key('path', '/?'), '/')
  t.equal(key('path', '/a?b?c'), '/a')
  fc.assert(
    fc.property(fc.webPath(), fc.webQueryParameters(), (path, query) => {
      const target = path === '' ? '/' : path
      return key('path', target) === target && key('path', `${target}?${query}`) === target
    }),
    { numRuns: 50 },
  )
  t.end()
})

await t.test(
  'a header is found whatever the case of its name, known to the codec or not; the first of several counts',
  t => {
    for (const name of ['cookie', 'x-tenant', 'user-agent', 'authorization'])
      for (const sent of [name, name.toUpperCase(), `${name.charAt(0).toUpperCase()}${name.slice(1)}`])
        t.equal(key(`header:${name.toUpperCase()}`, '/', `Accept: x\r\n${sent}: one\r\n${sent}: two\r\n`), 'one', sent)
    t.equal(key('header:x-empty', '/', 'X-Empty:\r\n'), '', 'an empty one is a value')
    t.end()
  },
)
