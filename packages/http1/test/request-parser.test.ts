import t from 'tap'
import {
  createLimits,
  FRAMING,
  HEADER,
  Http1UsageError,
  RequestParser,
  type Limits,
  type MessageHead,
  type MessageSink,
  type Refusal,
} from '@plimsoll/http1'
import { contentOf, inAllPieces, kindsOf, octetsOf, parseRequests, Recorder, verdict } from './recorder.ts'

const GET = octetsOf('GET /one HTTP/1.1\r\nHost: a\r\n\r\n')
const POST = octetsOf('POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef')
const CHUNKED = octetsOf(
  'POST /three HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nA: b\r\n\r\n',
)

/** A sink made of functions, for tests that act inside an event. */
function sinkOf(actions: Partial<MessageSink>): MessageSink & { log: string[] } {
  const log: string[] = []
  return {
    log,
    onHead(head: MessageHead) {
      log.push(`head ${head.targetString()}`)
      actions.onHead?.(head)
    },
    onBody(buffer: Buffer, start: number, end: number) {
      log.push(`body ${buffer.toString('latin1', start, end)}`)
      actions.onBody?.(buffer, start, end)
    },
    onTrailers(trailers: MessageHead) {
      log.push('trailers')
      actions.onTrailers?.(trailers)
    },
    onEnd() {
      log.push('end')
      actions.onEnd?.()
    },
    onRefusal(refusal: Refusal) {
      log.push(refusal.code)
      actions.onRefusal?.(refusal)
    },
  }
}

await t.test('pipelined requests come one by one: each waits for the reset behind the last', async t => {
  const recorder = new Recorder()
  const parser = new RequestParser(recorder)
  const octets = Buffer.concat([GET, POST, CHUNKED])
  let pos = parser.execute(octets, 0, octets.length)
  t.equal(pos, GET.length)
  t.equal(parser.complete, true)
  t.equal(parser.execute(octets, pos, octets.length), 0, 'nothing is taken before the reset')
  parser.reset()
  pos += parser.execute(octets, pos, octets.length)
  t.equal(pos, GET.length + POST.length)
  parser.reset()
  pos += parser.execute(octets, pos, octets.length)
  t.equal(pos, octets.length)
  t.equal(kindsOf({ events: recorder.events, finish: '', taken: 0 }), 'head end head body end head body trailers end')
})

await t.test('any mix of requests in one stream reads the same however it is cut', async t => {
  const octets = Buffer.concat([POST, GET, octetsOf('\r\n'), CHUNKED, GET])
  const outcome = inAllPieces(octets, parseRequests)
  t.equal(kindsOf(outcome), 'head body end head end head body trailers end head end')
  t.equal(contentOf(outcome), 'abcdefabcdef')
  t.equal(outcome.finish, 'idle')
})

await t.test('a bad request behind good ones is refused after the good ones were told', async t => {
  const outcome = inAllPieces(Buffer.concat([GET, POST, octetsOf('GET / HTTP/1.1\r\nHost : a\r\n\r\n')]), parseRequests)
  t.equal(kindsOf(outcome), 'head end head body end refusal')
})

await t.test('reset in onEnd makes ready for the next request at once', async t => {
  const sink = sinkOf({ onEnd: () => parser.reset() })
  const parser = new RequestParser(sink)
  const octets = Buffer.concat([GET, GET])
  t.equal(parser.execute(octets, 0, octets.length), GET.length)
  t.equal(parser.idle, true)
  t.equal(parser.execute(octets, GET.length, octets.length), GET.length)
})

await t.test('reset in the middle of a request does nothing', async t => {
  const recorder = new Recorder()
  const parser = new RequestParser(recorder)
  parser.execute(POST, 0, POST.length - 3)
  parser.reset()
  t.equal(parser.execute(POST, POST.length - 3, POST.length), 3)
  t.equal(contentOf({ events: recorder.events, finish: '', taken: 0 }), 'abcdef')
})

await t.test('stop makes execute return behind the event under way, and the next execute goes on', async t => {
  const sink = sinkOf({ onHead: () => parser.stop(), onBody: () => parser.stop() })
  const parser = new RequestParser(sink)
  let pos = 0
  const steps: number[] = []
  while (!parser.complete) {
    const taken = parser.execute(CHUNKED, pos, CHUNKED.length)
    pos += taken
    steps.push(taken)
  }
  t.same(sink.log, ['head /three', 'body abc', 'body def', 'trailers', 'end'])
  t.equal(pos, CHUNKED.length)
  t.equal(steps.length, 4)
})

await t.test('stop in the last event before the end does not hold the end back', async t => {
  const sink = sinkOf({ onHead: () => parser.stop(), onBody: () => parser.stop() })
  const parser = new RequestParser(sink)
  parser.execute(GET, 0, GET.length)
  t.same(sink.log, ['head /one', 'end'])
  parser.reset()
  const taken = parser.execute(POST, 0, POST.length)
  t.equal(taken, POST.length - 6, 'the content is held back')
  t.equal(parser.execute(POST, taken, POST.length), 6)
  t.same(sink.log.slice(2), ['head /two', 'body abcdef', 'end'])
})

await t.test('after abandon nothing is told and nothing is taken', async t => {
  for (const event of ['onHead', 'onBody', 'onTrailers'] as const) {
    const sink = sinkOf({ [event]: () => parser.abandon() })
    const parser = new RequestParser(sink)
    const taken = parser.execute(CHUNKED, 0, CHUNKED.length)
    const last = sink.log.at(-1)
    t.match(last, { onHead: 'head', onBody: 'body abc', onTrailers: 'trailers' }[event])
    t.equal(parser.execute(CHUNKED, taken, CHUNKED.length), 0)
    t.equal(sink.log.at(-1), last)
    t.equal(parser.finish(), 'refused')
  }
  const sink = sinkOf({ onHead: () => parser.abandon() })
  const parser = new RequestParser(sink)
  parser.execute(GET, 0, GET.length)
  t.same(sink.log, ['head /one'], 'not even the end of a request without content')
})

await t.test('after a refusal nothing is told and nothing is taken', async t => {
  const recorder = new Recorder()
  const parser = new RequestParser(recorder)
  const bad = octetsOf('GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n')
  parser.execute(bad, 0, bad.length)
  t.equal(recorder.refusals, 1)
  t.equal(parser.execute(GET, 0, GET.length), 0)
  parser.reset()
  t.equal(parser.execute(GET, 0, GET.length), 0)
  t.equal(recorder.events.length, 1)
  t.equal(parser.finish(), 'refused')
})

await t.test('what was read of a refused request can be looked up for the log', async t => {
  const sink = sinkOf({
    onRefusal: () => sink.log.push(parser.head.methodString(), parser.head.targetString(), parser.head.hostString()),
  })
  const parser = new RequestParser(sink)
  const bad = octetsOf('PUT /x HTTP/1.1\r\nA\0: b\r\n')
  for (let i = 0; i < bad.length; i++) parser.execute(bad, i, i + 1)
  t.same(sink.log, ['HTTP1_ERR_FIELD_NAME', 'PUT', '/x', ''])
  const early = sinkOf({
    onRefusal: () => early.log.push(second.head.methodString(), second.head.targetString(), second.head.pathString()),
  })
  const second = new RequestParser(early)
  second.execute(octetsOf('xxxxxxxxPU\0'), 8, 11)
  t.same(early.log, ['HTTP1_ERR_METHOD', '', '', ''])
})

await t.test('the end of the connection is idle, complete or truncated, and then nothing more is taken', async t => {
  const at = (octets: Buffer, length: number): string => {
    const parser = new RequestParser(new Recorder())
    parser.execute(octets, 0, length)
    const outcome = parser.finish()
    t.equal(parser.execute(octets, 0, 1), 0)
    return outcome
  }
  t.equal(at(GET, 0), 'idle')
  t.equal(at(octetsOf('\r\n'), 2), 'idle')
  for (let length = 1; length < GET.length; length++) t.equal(at(GET, length), 'truncated', `after ${length} octets`)
  t.equal(at(GET, GET.length), 'complete')
  for (let length = 1; length < CHUNKED.length; length++)
    t.equal(at(CHUNKED, length), 'truncated', `after ${length} octets`)
  t.equal(at(CHUNKED, CHUNKED.length), 'complete')
  for (let length = POST.length - 7; length < POST.length; length++)
    t.equal(at(POST, length), 'truncated', `after ${length} octets`)
})

await t.test(
  'content above the limit is refused before its head is told; a limit set in onHead holds for that request',
  async t => {
    const limits = createLimits({ maxBodyBytes: 5 })
    const outcome = inAllPieces(POST, (octets, cuts) => parseRequests(octets, cuts, limits))
    t.match(outcome.events, [{ type: 'refusal', code: 'HTTP1_ERR_BODY_TOO_LARGE', status: 413 }])
    t.equal(outcome.events.length, 1)

    const exact = createLimits({ maxBodyBytes: 6 })
    t.equal(contentOf(parseRequests(POST, [], exact)), 'abcdef')

    const limited = (octets: Buffer, maxBytes: number, given?: Limits): string[] => {
      const sink = sinkOf({ onHead: () => parser.limitBody(maxBytes) })
      const parser = new RequestParser(sink, given)
      parser.execute(octets, 0, octets.length)
      return sink.log
    }
    t.same(limited(POST, 5), ['head /two', 'HTTP1_ERR_BODY_TOO_LARGE'])
    t.same(limited(POST, 6), ['head /two', 'body abcdef', 'end'])
    t.same(limited(CHUNKED, 5), ['head /three', 'body abc', 'HTTP1_ERR_BODY_TOO_LARGE'])
    t.same(limited(CHUNKED, 0), ['head /three', 'HTTP1_ERR_BODY_TOO_LARGE'])
    t.same(
      limited(CHUNKED, 100, limits),
      ['head /three', 'body abc', 'HTTP1_ERR_BODY_TOO_LARGE'],
      'it can only be lowered',
    )
  },
)

await t.test('octets behind an upgrade request or a CONNECT are not taken', async t => {
  for (const head of [
    'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n',
  ]) {
    const recorder = new Recorder()
    const parser = new RequestParser(recorder)
    const octets = octetsOf(`${head}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
    t.equal(parser.execute(octets, 0, octets.length), head.length)
    t.equal(parser.execute(octets, head.length, octets.length), 0)
    t.equal(recorder.ends, 1)
    t.equal(parser.finish(), 'complete')
  }
})

await t.test('a request that says all that can be said leaves nothing of it to the next one', async t => {
  const loud = octetsOf(
    'POST https://b:8443?q HTTP/1.0\r\nHost: b:8443\r\nConnection: close, upgrade, keep-alive, a\r\nUpgrade: websocket\r\nTE: trailers\r\nA: b\r\nExpect: x\r\nContent-Length: 1\r\n\r\n.',
  )
  const other = octetsOf(
    'POST http://b/ HTTP/1.1\r\nHost: b\r\nConnection: upgrade, x-a\r\nUpgrade: websocket\r\nExpect: 100-continue, x\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n.\r\n0\r\nX-A: b\r\nX-B: c\r\n\r\n',
  )
  const plain = octetsOf('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n.')
  const alone = parseRequests(plain).events
  for (const first of [loud, other]) {
    const events = inAllPieces(Buffer.concat([first, plain]), parseRequests).events
    t.same(events.slice(-3), alone)
  }
})

await t.test('content of an upgrade request is content', async t => {
  const octets = octetsOf(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc',
  )
  t.equal(contentOf(inAllPieces(octets, parseRequests)), 'abc')
})

await t.test('content is given out of the buffer that it came in, without a copy', async t => {
  const seen: Buffer[] = []
  const parser = new RequestParser(sinkOf({ onBody: buffer => seen.push(buffer) }))
  parser.execute(CHUNKED, 0, CHUNKED.length)
  t.equal(seen.length, 2)
  t.ok(seen.every(buffer => buffer === CHUNKED))
})

await t.test(
  'a head that lies whole in a buffer is told in place, one in pieces out of a buffer of the parser',
  async t => {
    const heads: Buffer[] = []
    const sink = sinkOf({ onHead: head => heads.push(head.buffer) })
    const parser = new RequestParser(sink)
    parser.execute(GET, 0, GET.length)
    parser.reset()
    parser.execute(GET, 0, 5)
    parser.execute(GET, 5, GET.length)
    parser.reset()
    t.equal(heads[0], GET)
    t.not(heads[1], GET)
    t.equal(parser.head.buffer.length, 0, 'which it drops with the reset')
  },
)

await t.test('a head that is held outlives the buffer that it came in', async t => {
  const octets = octetsOf('....POST /x?y HTTP/1.1\r\nHost: a:1\r\nA: b\r\nContent-Length: 6\r\n\r\nabc')
  const sink = sinkOf({ onHead: () => parser.holdHead() })
  const parser = new RequestParser(sink)
  parser.execute(octets, 4, octets.length)
  octets.fill(0x21)
  const { head } = parser
  t.same(
    [head.methodString(), head.targetString(), head.pathString(), head.hostString()],
    ['POST', '/x?y', '/x?y', 'a:1'],
  )
  t.same([head.nameString(1), head.valueString(1), head.value(HEADER.contentLength)], ['A', 'b', '6'])
  t.equal(head.end, head.buffer.length)
  parser.holdHead()
  parser.execute(octetsOf('def'), 0, 3)
  t.same(sink.log, ['head /x?y', 'body abc', 'body def', 'end'])
  t.equal(head.value(HEADER.host), 'a:1', 'until the reset')
  parser.reset()
  t.equal(head.buffer.length, 0)
  const pieces = octetsOf('GET /z HTTP/1.1\r\nHost: a\r\n\r\n')
  for (let i = 0; i < pieces.length; i++) parser.execute(pieces, i, i + 1)
  t.equal(sink.log.at(-2), 'head /z')
})

await t.test('holding a head that is not whole, or that is not in a buffer of the caller, does nothing', async t => {
  const recorder = new Recorder()
  const parser = new RequestParser(recorder)
  parser.holdHead()
  parser.execute(GET, 0, 10)
  parser.holdHead()
  parser.execute(GET, 10, GET.length)
  parser.holdHead()
  t.equal(kindsOf({ events: recorder.events, finish: '', taken: 0 }), 'head end')
  parser.reset()
  parser.holdHead()
  t.equal(parser.execute(GET, 0, GET.length), GET.length)
})

await t.test('a sink that calls execute is told so', async t => {
  const sink = sinkOf({
    onHead: () =>
      t.throws(
        () => parser.execute(GET, 0, 1),
        new Http1UsageError('HTTP1_ERR_REENTRY', 'A sink may not call execute of its parser.'),
      ),
  })
  const parser = new RequestParser(sink)
  parser.execute(GET, 0, GET.length)
  t.same(sink.log, ['head /one', 'end'])
})

await t.test('execute of nothing does nothing', async t => {
  const recorder = new Recorder()
  const parser = new RequestParser(recorder)
  for (let i = 0; i <= POST.length; i++) {
    t.equal(parser.execute(POST, i, i), 0)
    if (i < POST.length) parser.execute(POST, i, i + 1)
  }
  t.equal(recorder.ends, 1)
})

await t.test('a request with content of no octets ends with its head', async t => {
  const outcome = inAllPieces(octetsOf('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'), parseRequests)
  t.equal(kindsOf(outcome), 'head end')
  t.match(outcome.events[0], { framing: FRAMING.length, contentLength: 0 })
  t.equal(verdict(outcome), 'idle')
})
