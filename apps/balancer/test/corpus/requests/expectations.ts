// Expect: 100-continue is passed on, anything else is refused, and neither changes where a request ends (RFC 9110, 10.1.1; the Expect
// gadgets of 2025).
import { passed, post, request, shown, SMUGGLED, type RequestCase } from '../request-case.ts'

const POSTED = { method: 'POST', body: 'abc' } as const
const expecting = { ...POSTED, fields: { expect: '100-continue' } } as const

export const EXPECTATIONS: readonly RequestCase[] = [
  passed(
    'content behind the head, without waiting',
    '9110 10.1.1',
    post('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc'),
    expecting,
  ),
  passed(
    'content in a segment of its own',
    '9110 10.1.1',
    [post('Expect: 100-continue\r\nContent-Length: 3\r\n'), 'abc'],
    expecting,
  ),
  passed(
    'chunks',
    '9110 10.1.1',
    post('Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    expecting,
  ),
  ...['100-Continue', '100-CONTINUE', ' \t100-continue\t'].map(value =>
    passed(
      `the case doesn't matter: ${shown(value)}`,
      '9110 10.1.1',
      post(`Expect: ${value}\r\nContent-Length: 3\r\n`, 'abc'),
      POSTED,
    ),
  ),
  passed(
    'twice',
    '9110 5.3',
    post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 3\r\n', 'abc'),
    POSTED,
  ),
  passed('without content it means nothing', '9110 10.1.1', request('Expect: 100-continue\r\n'), {
    fields: { expect: null },
  }),
  passed('with a length of 0 it means nothing', '9110 10.1.1', post('Expect: 100-continue\r\nContent-Length: 0\r\n'), {
    method: 'POST',
    fields: { expect: null },
  }),
  passed('an empty expectation is none', '9110 5.6.1', request('Expect:\r\n')),
  passed(
    'content that looks like a request',
    '9110 10.1.1',
    post(`Expect: 100-continue\r\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    {
      method: 'POST',
      body: SMUGGLED,
    },
  ),
  passed(
    'a GET with content',
    '9110 10.1.1',
    request(`Expect: 100-continue\r\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    { body: SMUGGLED },
  ),
  {
    name: 'two of them in one segment',
    rfc: '9110 10.1.1',
    send: post('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc').repeat(2),
    answers: [expecting, expecting],
    lives: true,
  },
  ...[
    '200-ok',
    '100',
    '100-continued',
    '100-continue, x',
    'x, 100-continue',
    '100-continue=1',
    '100-continue;q=1',
    '"100-continue"',
    '100 continue',
    'y 100-continue',
  ].flatMap<RequestCase>(value => [
    {
      name: `not met: ${value}`,
      rfc: '9110 10.1.1',
      send: request(`Expect: ${value}\r\n`),
      answers: [417],
      lives: true,
    },
    {
      name: `not met, with content: ${value}`,
      rfc: '9110 10.1.1',
      send: post(`Expect: ${value}\r\nContent-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
      answers: [417],
      lives: false,
    },
  ]),
  {
    name: 'not met in the second line',
    rfc: '9110 5.3',
    send: request('Expect: 100-continue\r\nExpect: x\r\n'),
    answers: [417],
    lives: true,
  },
]
