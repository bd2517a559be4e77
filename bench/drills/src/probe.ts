// Requests outside of any phase, to see who answers through a proxy.
import { request } from 'node:http'
import { until } from '@plimsoll/testing'
import { answeringUpstream, WORK_PATH } from './upstream/upstream-protocol.ts'

export const PROBE_ID = 'probe'

const READY_TIMEOUT_MS = 20_000

/** Resolves when each has answered a request through the proxy. @throws TESTING_ERR_TIMEOUT after 20 s, or the signal's reason */
export async function seeAll(port: number, names: () => readonly string[], signal: AbortSignal): Promise<void> {
  const seen = new Set<string>()
  await until(
    async () => {
      if (signal.aborted) return true
      const name = await askOnce(port)
      if (name !== null) seen.add(name)
      return names().every(each => seen.has(each))
    },
    { what: 'every upstream to answer through the proxy', timeoutMs: READY_TIMEOUT_MS, intervalMs: 20 },
  )
  signal.throwIfAborted()
}

/** The name of the upstream that has answered; null when the answer isn't the right one. */
function askOnce(port: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: `${WORK_PATH}${PROBE_ID}`, agent: false }, answer => {
      let body = ''
      answer.setEncoding('latin1').on('data', (text: string) => (body += text))
      answer.on('end', () => resolve(answeringUpstream(body, PROBE_ID, 'GET')))
      answer.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}
