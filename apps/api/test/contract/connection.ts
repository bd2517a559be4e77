// Requests over a connection, for what an injected one can't have: targets that no URL parser has seen.
import { Agent, request } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Operation } from './operations.ts'

/** In place of a parameter. Spaces and control characters can't be sent in a target at all. */
const WRONG_SEGMENTS =
  '%ff %c3%28 %ed%a0%80 %00 %0d%0ax-injected:1 ..%2f..%2fetc%2fpasswd .. %2e%2e 1%2f2 \\..\\ %u0041 % %% %2 1;x=1 1%3fx=1 é'.split(
    ' ',
  )
const WRONG_QUERIES = ['%ff=%ff', 'a=%', '%', '&&&=&', '=', '??', 'a=1&'.repeat(2500), '[]=1&a[b]=2', '#x', '\u00e9=1']

export interface RawAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly target: string
}

/** Answers to every wrong target for the operation, in order. */
export async function askOverConnection(app: FastifyInstance, operation: Operation): Promise<RawAnswer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const { port } = app.server.address() as { port: number }
  const plain = operation.path.replaceAll(/\{\w+\}/g, '1')
  const segments = operation.parameters.path.length === 0 ? [] : WRONG_SEGMENTS
  const targets = [
    ...segments.map(segment => operation.path.replaceAll(/\{\w+\}/g, segment)),
    ...WRONG_QUERIES.map(query => `${plain}?${query}`),
    `http://other.example${plain}`,
    `/./${plain.slice(1)}`,
    `/${plain}`,
  ]
  try {
    const answers: RawAnswer[] = []
    for (const target of targets) answers.push(await ask(agent, port, operation.method, target))
    return answers
  } finally {
    agent.destroy()
  }
}

function ask(agent: Agent, port: number, method: string, target: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    // As bytes, since Node refuses to send what isn't Latin-1.
    const path = Buffer.from(target).toString('latin1')
    request({ agent, port, host: '127.0.0.1', method, path }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      const type = response.headers['content-type'] ?? ''
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type, text, target }))
    })
      .on('error', reject)
      .end()
  })
}
