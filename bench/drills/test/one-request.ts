// Sends one request through a generator of its own, as a drill would.
import type { Test } from 'tap'
import { OpenLoop, type OpenLoopOptions } from '../src/open-loop.ts'
import type { Method } from '../src/upstream/upstream-protocol.ts'

export function startLoop(t: Test, port: number, options: Partial<OpenLoopOptions> = {}): OpenLoop {
  const loop = new OpenLoop({ port, deadlineMs: 5000, signal: new AbortController().signal, ...options })
  t.teardown(() => loop.close())
  return loop
}

/** Requests that are due at once. */
export function due(count: number, method: Method = 'GET') {
  return Array.from({ length: count }, (_, i) => ({ id: `x.${i}`, method, atMs: 0 }))
}
