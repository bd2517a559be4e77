// Requests over a connection, for what an injected one can't have: targets that no URL parser has seen.
//
// Whoever sends them may ask for the operation, and sends a valid request but for its target: so it's the target that is refused.
import { Agent, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import type { Scene } from './judging.ts'
import { plainRequest } from './requests.ts'

/** In place of a parameter. Spaces and control characters can't be sent in a target at all. */
const WRONG_SEGMENTS =
  '%ff %c3%28 %ed%a0%80 %00 %0d%0ax-injected:1 ..%2f..%2fetc%2fpasswd .. %2e%2e 1%2f2 \\..\\ %u0041 % %% %2 1;x=1 1%3fx=1 é'.split(
    ' ',
  )
const WRONG_QUERIES = ['%ff=%ff', 'a=%', '%', '&&&=&', '=', '??', 'a=1&'.repeat(2500), '[]=1&a[b]=2', '#x', '\u00e9=1']
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 414])
const MAX_SHOWN = 200

interface Sent {
  readonly agent: Agent
  readonly port: number
  readonly method: string
  readonly headers: OutgoingHttpHeaders
  readonly bytes: string
}

interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Every wrong target of an operation is refused or not found, and comes back in no header field; the service has to listen. */
export const wrongTargets: Scene = async (service, operation) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const { headers, body } = plainRequest(operation)
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const sent: Sent = {
    agent,
    port: service.port,
    method: operation.method,
    headers: { ...type, ...(await service.tokenFor(operation)), ...headers },
    bytes: body === undefined ? '' : JSON.stringify(body),
  }
  const plain = operation.path.replaceAll(/\{\w+\}/g, '1')
  const segments = operation.parameters.path.length === 0 ? [] : WRONG_SEGMENTS
  const targets = [
    ...segments.map(segment => operation.path.replaceAll(/\{\w+\}/g, segment)),
    ...WRONG_QUERIES.map(query => `${plain}?${query}`),
    `/./${plain.slice(1)}`,
    `/${plain}`,
  ]
  const found: string[] = []
  try {
    for (const target of targets) found.push(...faultsOfRefusal(target, await ask(sent, target)))
    // In its absolute form (RFC 9112, section 3.2.2) a target is right, whatever its host.
    const absolute = `http://other.example${plain}`
    const answer = await ask(sent, absolute)
    if (answer.status >= 500 || !operation.answers.has(answer.status))
      found.push(say(absolute, answer, 'is not documented'))
    return found
  } finally {
    agent.destroy()
  }
}

function faultsOfRefusal(target: string, answer: RawAnswer): string[] {
  const { status, headers, text } = answer
  if (!REFUSALS.has(status)) return [say(target, answer, 'is no refusal')]
  const found: string[] = []
  if (headers['content-type']?.startsWith('application/problem+json') !== true)
    found.push(say(target, answer, 'no problem'))
  if (text.includes('x-injected')) found.push(say(target, answer, 'a problem repeats what was sent'))
  if (JSON.stringify(headers).includes('x-injected')) found.push(say(target, answer, 'a header field was injected'))
  return found
}

function say(target: string, { status, text }: RawAnswer, fault: string): string {
  return `${fault}: ${target.slice(0, MAX_SHOWN)}\n  ${status} ${text.slice(0, MAX_SHOWN)}`
}

function ask({ agent, port, method, headers, bytes }: Sent, target: string): Promise<RawAnswer> {
  return new Promise(resolve => {
    // As bytes, since Node refuses to send what isn't Latin-1.
    const path = Buffer.from(target).toString('latin1')
    request({ agent, port, host: '127.0.0.1', method, path, headers }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
      // Bytes that are no answer, and a connection that ends without one.
      .on('error', error => resolve({ status: 0, headers: {}, text: error.message }))
      .end(bytes)
  })
}
