import t from 'tap'
import { createLimits, FRAMING, METHOD, ResponseParser } from '@plimsoll/http1'
import {
  contentOf,
  headOf,
  inAllPieces,
  kindsOf,
  octetsOf,
  parseResponses,
  Recorder,
  verdict,
  type Outcome,
} from './recorder.ts'

const parse = (text: string, ...methods: number[]): Outcome =>
  inAllPieces(octetsOf(text), (octets, cuts) =>
    parseResponses(octets, cuts, methods.length === 0 ? [METHOD.GET] : methods),
  )
const EMPTY = 'Content-Length: 0\r\n\r\n'

const STATUS_LINES: readonly (readonly [line: string, status: number, reason: string, versionMinor: number])[] = [
  ['HTTP/1.1 200 OK', 200, 'OK', 1],
  ['HTTP/1.0 404 Not Found', 404, 'Not Found', 0],
  ['HTTP/1.2 599 x', 599, 'x', 1],
  ['HTTP/1.1 200 ', 200, '', 1],
  ['HTTP/1.1 200', 200, '', 1],
  ['HTTP/1.1 299 \tA\tb \xe9 ', 299, '\tA\tb \xe9 ', 1],
  ['HTTP/1.1 200  two spaces', 200, ' two spaces', 1],
  ['HTTP/1.1 500 HTTP/1.1 200 OK', 500, 'HTTP/1.1 200 OK', 1],
]

await t.test('a status line is a version, a space, three digits, a space and perhaps a reason', async t => {
  for (const [line, status, reason, versionMinor] of STATUS_LINES) {
    t.match(headOf(parse(`${line}\r\n${EMPTY}`)), { status, reason, versionMinor, interim: false }, line)
  }
})

const REFUSED: readonly (readonly [name: string, line: string, code: string])[] = [
  ['status 000 (crashes proxies on node:http)', 'HTTP/1.1 000 X', 'HTTP1_ERR_STATUS_CODE'],
  ['status 099', 'HTTP/1.1 099 X', 'HTTP1_ERR_STATUS_CODE'],
  ['status 600', 'HTTP/1.1 600 X', 'HTTP1_ERR_STATUS_CODE'],
  ['status 999', 'HTTP/1.1 999 X', 'HTTP1_ERR_STATUS_CODE'],
  ['two digits', 'HTTP/1.1 20 OK', 'HTTP1_ERR_STATUS_CODE'],
  ['four digits', 'HTTP/1.1 2000 OK', 'HTTP1_ERR_STATUS_CODE'],
  ['a letter', 'HTTP/1.1 2O0 OK', 'HTTP1_ERR_STATUS_CODE'],
  ['a sign', 'HTTP/1.1 +20 OK', 'HTTP1_ERR_STATUS_CODE'],
  ['a point', 'HTTP/1.1 20.0 OK', 'HTTP1_ERR_STATUS_CODE'],
  ['no status', 'HTTP/1.1 OK', 'HTTP1_ERR_STATUS_CODE'],
  ['nothing behind the version', 'HTTP/1.1', 'HTTP1_ERR_VERSION'],
  ['two spaces', 'HTTP/1.1  200 OK', 'HTTP1_ERR_STATUS_CODE'],
  ['a tab behind the version', 'HTTP/1.1\t200 OK', 'HTTP1_ERR_VERSION'],
  ['a tab behind the status', 'HTTP/1.1 200\tOK', 'HTTP1_ERR_STATUS_CODE'],
  ['a space in front', ' HTTP/1.1 200 OK', 'HTTP1_ERR_VERSION'],
  ['an empty line in front', '\r\nHTTP/1.1 200 OK', 'HTTP1_ERR_VERSION'],
  ['lower case', 'http/1.1 200 OK', 'HTTP1_ERR_VERSION'],
  ['ICY', 'ICY 200 OK', 'HTTP1_ERR_VERSION'],
  ['HTTP/1', 'HTTP/1 200 OK', 'HTTP1_ERR_VERSION'],
  ['HTTP/1.10', 'HTTP/1.10 200 OK', 'HTTP1_ERR_VERSION'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK', 'HTTP1_ERR_VERSION_NOT_SUPPORTED'],
  ['HTTP/0.9: no head at all', '<html>hello</html>', 'HTTP1_ERR_VERSION'],
  ['a request', 'GET / HTTP/1.1', 'HTTP1_ERR_VERSION'],
  ['NUL in the reason', 'HTTP/1.1 200 O\0K', 'HTTP1_ERR_REASON'],
  ['a control character in the reason', 'HTTP/1.1 200 \x1b[31m', 'HTTP1_ERR_REASON'],
  ['DEL in the reason', 'HTTP/1.1 200 \x7f', 'HTTP1_ERR_REASON'],
  ['CR in the reason', 'HTTP/1.1 200 O\rK', 'HTTP1_ERR_BARE_CR'],
  ['CR behind the status', 'HTTP/1.1 200\rX', 'HTTP1_ERR_BARE_CR'],
  ['LF behind the reason', 'HTTP/1.1 200 OK\nA: b', 'HTTP1_ERR_BARE_LF'],
  ['LF behind the status', 'HTTP/1.1 200\nA: b', 'HTTP1_ERR_BARE_LF'],
]

await t.test('a status line that breaks the grammar is refused with 502', async t => {
  for (const [name, line, code] of REFUSED) {
    const outcome = parse(`${line}\r\n${EMPTY}`)
    t.same(outcome.events, [{ type: 'refusal', code, status: 502 }], name)
  }
})

await t.test('every status from 100 to 599 is accepted, and no other number', async t => {
  for (let status = 0; status < 1000; status++) {
    const text = String(status).padStart(3, '0')
    const outcome = parseResponses(octetsOf(`HTTP/1.1 ${text} X\r\n\r\n`))
    if (status >= 100 && status <= 599 && status !== 101) t.equal(headOf(outcome).status, status)
    else t.match(verdict(outcome), /^HTTP1_ERR_(STATUS_CODE|UNEXPECTED_UPGRADE)$/, text)
  }
})

await t.test('interim responses come before the final one and have no content, whatever they say', async t => {
  const outcome = parse(
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc`,
  )
  t.equal(kindsOf(outcome), 'head head head body end')
  t.match(outcome.events, [
    { status: 100, interim: true, framing: FRAMING.none },
    { status: 103, interim: true, framing: FRAMING.none, contentLength: -1 },
    { status: 200, interim: false, contentLength: 3 },
  ])
})

await t.test('a flood of interim responses is refused', async t => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n'
  const limits = createLimits({ maxInterimResponses: 2 })
  const within = (text: string): Outcome =>
    inAllPieces(octetsOf(text), (octets, cuts) => parseResponses(octets, cuts, [METHOD.GET], limits))
  t.equal(verdict(within(`${interim.repeat(2)}HTTP/1.1 200 OK\r\n${EMPTY}`)), 'complete')
  t.equal(verdict(within(`${interim.repeat(3)}HTTP/1.1 200 OK\r\n${EMPTY}`)), 'HTTP1_ERR_INTERIM_FLOOD')
  t.equal(verdict(parseResponses(octetsOf(interim.repeat(33)))), 'HTTP1_ERR_INTERIM_FLOOD')
  const two = `${interim.repeat(2)}HTTP/1.1 200 OK\r\n${EMPTY}`
  const outcome = parseResponses(octetsOf(two + two), [], [METHOD.GET, METHOD.GET], limits)
  t.equal(verdict(outcome), 'complete', 'they are counted anew for each response')
})

await t.test('responses to pipelined requests are matched with them in order', async t => {
  const outcome = parse(
    `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 304 X\r\n\r\n`,
    METHOD.HEAD,
    METHOD.GET,
    METHOD.GET,
  )
  t.equal(kindsOf(outcome), 'head end head body end head end')
  t.equal(contentOf(outcome), 'hi')
})

await t.test(
  'octets for which no request is outstanding are refused: before the first, and behind the last',
  async t => {
    const before = new Recorder()
    const parser = new ResponseParser(before)
    parser.execute(octetsOf('H'), 0, 1)
    t.same(before.events, [{ type: 'refusal', code: 'HTTP1_ERR_UNEXPECTED_RESPONSE', status: 502 }])

    const recorder = new Recorder()
    const kept = new ResponseParser(recorder)
    const octets = octetsOf(`HTTP/1.1 200 OK\r\n${EMPTY}HTTP/1.1 200 Injected\r\n${EMPTY}`)
    kept.expect(METHOD.GET)
    const taken = kept.execute(octets, 0, octets.length)
    t.match(octets.toString('latin1', taken), /^HTTP\/1\.1 200 Injected/, 'the second is left to the owner')
    t.equal(kept.execute(octets, taken, taken), 0, 'nothing more is nothing to refuse')
    t.equal(kept.execute(octets, taken, octets.length), 0)
    t.equal(recorder.events.at(-1)?.type, 'refusal')
    kept.expect(METHOD.GET)
    t.equal(kept.execute(octets, taken, octets.length), 0, 'and it stays so')
  },
)

await t.test('101 is accepted where an upgrade was asked for and is named, and opens a tunnel', async t => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const asked = (text: string): Outcome =>
    inAllPieces(octetsOf(text), (octets, cuts) => parseResponses(octets, cuts, [METHOD.GET], createLimits(), true))
  const outcome = asked(`${switching}\x81\x05hello`)
  t.equal(headOf(asked(switching.replace('Upgrade:', 'Content-Length: 5\r\nUpgrade:'))).contentLength, -1)
  t.match(headOf(outcome), {
    status: 101,
    interim: false,
    framing: FRAMING.tunnel,
    upgrade: true,
    upgradeToWebSocket: true,
  })
  t.equal(outcome.taken, switching.length)
  t.equal(verdict(parse(switching)), 'HTTP1_ERR_UNEXPECTED_UPGRADE', 'not asked for')
  for (const text of [
    'HTTP/1.1 101 X\r\n\r\n',
    'HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n',
    switching.replace('1.1', '1.0'),
  ]) {
    t.equal(verdict(asked(text)), 'HTTP1_ERR_UNEXPECTED_UPGRADE', text)
  }
  t.equal(verdict(asked(`HTTP/1.1 426 Upgrade Required\r\nUpgrade: x\r\n${EMPTY}`)), 'complete')
})

await t.test('the end of the connection ends a body without length and truncates anything else', async t => {
  const at = (text: string, length: number): string => verdict(parseResponses(octetsOf(text.slice(0, length))))
  const byLength = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'
  for (let length = 0; length < byLength.length; length++)
    t.equal(at(byLength, length), 'truncated', `after ${length} octets`)
  t.equal(at(byLength, byLength.length), 'complete')
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n'
  for (let length = 0; length < chunked.length; length++)
    t.equal(at(chunked, length), 'truncated', `after ${length} octets`)
  const untilClose = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\nabc'
  for (let length = 0; length < untilClose.length - 3; length++)
    t.equal(at(untilClose, length), 'truncated', `after ${length} octets`)
  for (let length = untilClose.length - 3; length <= untilClose.length; length++)
    t.equal(at(untilClose, length), 'complete')
  t.equal(
    verdict(parseResponses(octetsOf('HTTP/1.1 100 Continue\r\n\r\n'))),
    'truncated',
    'an interim response is no answer',
  )
  t.equal(new ResponseParser(new Recorder()).finish(), 'idle')
})

await t.test('the end of a body without length is told once', async t => {
  const recorder = new Recorder()
  const parser = new ResponseParser(recorder)
  const octets = octetsOf('HTTP/1.1 200 OK\r\n\r\nabc')
  parser.expect(METHOD.GET)
  t.equal(parser.execute(octets, 0, octets.length), octets.length)
  t.equal(recorder.ends, 0)
  t.equal(parser.finish(), 'complete')
  t.equal(parser.finish(), 'complete')
  t.equal(recorder.ends, 1)
})

await t.test('content above the limit is refused, also where its length is not declared', async t => {
  const limits = createLimits({ maxBodyBytes: 4 })
  const within = (text: string): Outcome =>
    inAllPieces(octetsOf(text), (octets, cuts) => parseResponses(octets, cuts, [METHOD.GET], limits))
  t.equal(contentOf(within('HTTP/1.1 200 OK\r\n\r\nabcd')), 'abcd')
  const tooLarge = within('HTTP/1.1 200 OK\r\n\r\nabcde')
  t.equal(contentOf(tooLarge), 'abcd')
  t.match(tooLarge.events.at(-1), { code: 'HTTP1_ERR_BODY_TOO_LARGE', status: 502 })
  t.equal(kindsOf(within('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde')), 'refusal')
  t.equal(
    kindsOf(within('HTTP/1.1 304 OK\r\nContent-Length: 5\r\n\r\n')),
    'head end',
    'a length of what is not sent is no content',
  )
})

await t.test('a limit set in onHead holds for that response', async t => {
  const limited = (text: string, maxBytes: number): string[] => {
    const log: string[] = []
    const parser = new ResponseParser({
      onHead: () => parser.limitBody(maxBytes),
      onBody: (_, start, end) => log.push(`body ${end - start}`),
      onTrailers: () => {},
      onEnd: () => log.push('end'),
      onRefusal: refusal => log.push(refusal.code),
    })
    parser.expect(METHOD.GET)
    parser.execute(octetsOf(text), 0, text.length)
    return log
  }
  const byLength = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'
  t.same(limited(byLength, 3), ['body 3', 'end'])
  t.same(limited(byLength, 2), ['HTTP1_ERR_BODY_TOO_LARGE'])
  t.same(limited('HTTP/1.1 200 OK\r\n\r\nabc', 2), ['body 2', 'HTTP1_ERR_BODY_TOO_LARGE'])
  t.same(limited('HTTP/1.1 200 OK\r\n\r\nabc', 3), ['body 3'])
})

await t.test('a sink that calls execute is told so', async t => {
  t.plan(1)
  const octets = octetsOf(`HTTP/1.1 200 OK\r\n${EMPTY}`)
  const parser = new ResponseParser({
    onHead: () => t.throws(() => parser.execute(octets, 0, 1), { code: 'HTTP1_ERR_REENTRY' }),
    onBody: () => {},
    onTrailers: () => {},
    onEnd: () => {},
    onRefusal: () => {},
  })
  parser.expect(METHOD.GET)
  parser.execute(octets, 0, octets.length)
})

await t.test('stop and abandon work in responses as in requests', async t => {
  const octets = octetsOf('HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabcdef')
  const log: string[] = []
  const parser = new ResponseParser({
    onHead: head => {
      log.push(String(head.status))
      parser.stop()
    },
    onBody: (_, start, end) => {
      log.push(`body ${end - start}`)
      parser.abandon()
    },
    onTrailers: () => {},
    onEnd: () => log.push('end'),
    onRefusal: () => log.push('refusal'),
  })
  parser.expect(METHOD.GET)
  let pos = parser.execute(octets, 0, octets.length)
  t.same(log, ['103'])
  pos += parser.execute(octets, pos, octets.length)
  t.same(log, ['103', '200'])
  pos += parser.execute(octets, pos, octets.length - 2)
  t.same(log, ['103', '200', 'body 4'])
  t.equal(parser.execute(octets, pos, octets.length), 0)
  t.equal(parser.finish(), 'refused')
  t.equal(log.length, 3)
})

await t.test('a response has started with its first octet, interim ones included', async t => {
  const parser = new ResponseParser(new Recorder())
  parser.expect(METHOD.GET)
  t.equal(parser.started, false)
  parser.execute(octetsOf('H'), 0, 1)
  t.equal(parser.started, true)
  const interim = new ResponseParser(new Recorder())
  interim.expect(METHOD.GET)
  const octets = octetsOf('HTTP/1.1 100 X\r\n\r\n')
  interim.execute(octets, 0, octets.length)
  t.equal(interim.started, true)
  const underWay = new ResponseParser(new Recorder())
  underWay.expect(METHOD.GET)
  underWay.execute(octetsOf('HTTP/1.1 200 OK\r\n\r\n'), 0, 19)
  t.equal(underWay.started, true)
  const kept = new ResponseParser(new Recorder())
  kept.expect(METHOD.HEAD)
  const whole = octetsOf('HTTP/1.1 200 OK\r\n\r\n')
  kept.execute(whole, 0, whole.length)
  t.equal(kept.complete, true)
  kept.expect(METHOD.GET)
  t.equal(kept.started, false)
})

await t.test('expect in the middle of a response does nothing', async t => {
  const recorder = new Recorder()
  const parser = new ResponseParser(recorder)
  const octets = octetsOf('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc')
  parser.expect(METHOD.GET)
  parser.execute(octets, 0, octets.length - 1)
  parser.expect(METHOD.HEAD)
  parser.execute(octets, octets.length - 1, octets.length)
  t.equal(contentOf({ events: recorder.events, finish: '', taken: 0 }), 'abc')
  t.equal(recorder.ends, 1)
})

await t.test('endless heads are refused at the limit', async t => {
  const endless = octetsOf(`HTTP/1.1 200 ${'x'.repeat(20_000)}`)
  t.match(parseResponses(endless), { taken: 16_384, events: [{ code: 'HTTP1_ERR_HEAD_TOO_LARGE', status: 502 }] })
})
