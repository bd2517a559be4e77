// A client of a test says its bytes, and takes answers one by one.
import { rawClient, type HttpResponse, type RawPeer } from '@plimsoll/testing'
import type { Test } from 'tap'

/** Takes the next final answer; interim ones are put into `interim`, if it's given. */
export async function final(
  client: RawPeer,
  method = 'GET',
  options: { timeoutMs?: number; interim?: HttpResponse[] } = {},
): Promise<HttpResponse> {
  for (;;) {
    const response = await client.readResponse({ method, timeoutMs: options.timeoutMs ?? 3000 })
    if (response.status >= 200 || response.status === 101) return response
    options.interim?.push(response)
  }
}

/** Connects, sends, and takes one final answer per method. */
export async function ask(
  t: Test,
  port: number,
  bytes: string | Buffer,
  methods: readonly string[] = ['GET'],
): Promise<{ client: RawPeer; answers: HttpResponse[] }> {
  const client = await rawClient(t, port)
  void client.write(bytes)
  const answers: HttpResponse[] = []
  for (const method of methods) answers.push(await final(client, method))
  return { client, answers }
}

/** The one answer to one request. */
export async function answerTo(t: Test, port: number, bytes: string | Buffer, method = 'GET'): Promise<HttpResponse> {
  const { answers } = await ask(t, port, bytes, [method])
  return answers[0] as HttpResponse
}

/** A request with Host, and `fields` as whole lines. */
export function get(target: string, fields = '', method = 'GET'): string {
  return `${method} ${target} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`
}

/** The problem in an answer of the balancer's own. */
export function problemOf(response: HttpResponse): Record<string, unknown> {
  return JSON.parse(response.body.toString()) as Record<string, unknown>
}
