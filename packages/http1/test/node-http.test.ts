// Differential test against node:http: where both take a request, both must have read the same one. Node's parser is another
// implementation with other leniencies; that it takes more is expected, that the two read one message differently would be a way to
// smuggle (each such difference is a desync between a balancer of ours and a service on Node).
import t from 'tap'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { duplexPair } from 'node:stream'
import { mutated, requestText } from './messages.ts'
import { octetsOf, parseRequests, type ParserEvent } from './recorder.ts'

interface NodeRequest {
  method: string | undefined
  target: string | undefined
  fields: string[]
  content: string
  whole: boolean
}

/** Gives the octets to a server of node:http as one connection and returns the requests that it took. */
async function readByNode(octets: Buffer): Promise<NodeRequest[]> {
  const requests: NodeRequest[] = []
  const read = (request: IncomingMessage, response: ServerResponse): void => {
    const seen: NodeRequest = {
      method: request.method,
      target: request.url,
      fields: request.rawHeaders,
      content: '',
      whole: false,
    }
    requests.push(seen)
    request.on('data', (piece: Buffer) => (seen.content += piece.toString('latin1')))
    request.on('end', () => {
      seen.whole = true
      response.end()
    })
    request.on('error', () => {})
  }
  const server = createServer({ keepAlive: true }, read)
  // Without this it answers an expectation that it doesn't know by itself, and the request isn't seen.
  server.on('checkExpectation', read)
  server.on('clientError', (_, socket) => socket.destroy())
  const [near, far] = duplexPair()
  const closed = new Promise<void>(resolve => near.on('close', resolve))
  near.on('error', () => {})
  far.on('error', () => {})
  near.resume()
  server.emit('connection', far)
  near.end(octets)
  await closed
  server.close()
  return requests
}

/** The requests that we took, in Node's words. */
function readByUs(events: readonly ParserEvent[]): NodeRequest[] {
  const requests: NodeRequest[] = []
  for (const event of events) {
    const last = requests.at(-1)
    if (event.type === 'head') {
      const fields = event.fields.flatMap(([name, value]) => [name, value])
      requests.push({ method: event.method, target: event.target, fields, content: '', whole: false })
    } else if (last !== undefined) {
      if (event.type === 'body') last.content += event.content
      else if (event.type === 'end') last.whole = true
    }
  }
  return requests
}

await t.test('a request that both take is the same to both, and so is where it ends', async t => {
  let both = 0
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        { arbitrary: requestText, weight: 3 },
        { arbitrary: mutated(requestText).map(o => o.toString('latin1')), weight: 1 },
      ),
      async text => {
        // A second request behind it shows where each of them saw the first one end.
        const octets = octetsOf(`${text}GET /behind HTTP/1.1\r\nHost: a\r\n\r\n`)
        const outcome = parseRequests(octets)
        const [theirs, ours] = [await readByNode(octets), readByUs(outcome.events)]
        for (let i = 0; i < Math.min(theirs.length, ours.length); i++) {
          if (!theirs[i]!.whole) break
          if (!ours[i]!.whole) {
            // To have seen no end where Node saw one is a desync, unless we refused what came.
            assert.equal(outcome.events.at(-1)?.type, 'refusal', JSON.stringify(text))
            break
          }
          assert.deepEqual(theirs[i], ours[i], JSON.stringify(text))
          both++
          // What stands behind these is not for the server to read, and we leave it to the owner.
          if (/^(CONNECT|PRI)$/.test(ours[i]!.method ?? '')) break
        }
      },
    ),
    { numRuns: 400 },
  )
  t.ok(both > 150, `both took ${both} requests`)
})
