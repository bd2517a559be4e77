// Keeps a few requests under way on one Unix socket and compares every answer: the load that two workers take turns under.
import { Agent, request } from 'node:http'

export interface Asker {
  /** Asks for so long; resolves with the number of answers, when the last one is in. @throws Error for an answer that isn't the expected one */
  ask(durationMs: number): Promise<number>
  close(): void
}

/** @param expected the whole body, with which an answer has to begin and end */
export function createAsker(socketPath: string, target: string, expected: string, connections: number): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const one = () =>
    new Promise<void>((resolve, reject) => {
      request({ socketPath, path: target, agent }, response => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => (body += text))
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === 200 && body === expected) resolve()
          else reject(new Error(`${target} answered ${response.statusCode}: ${body.slice(0, 200)}`))
        })
      })
        .on('error', reject)
        .end()
    })
  return {
    async ask(durationMs) {
      const endMs = performance.now() + durationMs
      let answers = 0
      const loop = async () => {
        while (performance.now() < endMs) {
          await one()
          answers++
        }
      }
      await Promise.all(Array.from({ length: connections }, loop))
      return answers
    },
    close: () => agent.destroy(),
  }
}

/** One answer's body. @throws Error unless it's 200 */
export function askOnce(socketPath: string, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: target, agent: false }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(`${target} answered ${response.statusCode}: ${body.slice(0, 200)}`))
      })
    })
      .on('error', reject)
      .end()
  })
}
