import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { dueTimes, type OpenLoopPlan, runOpenLoop } from '../../src/load-reports/open-loop.ts'
import { answerBody, answeringWorker } from '../../src/load-reports/worker-protocol.ts'

async function listening(t: Test, listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function plan(port: number, others: Partial<OpenLoopPlan> = {}): OpenLoopPlan {
  return {
    port,
    requestsPerSecond: 500,
    warmupMs: 50,
    measureMs: 200,
    seed: 1,
    onMeasuring: () => {},
    signal: new AbortController().signal,
    ...others,
  }
}

const idOf = (url = ''): string => url.slice(url.lastIndexOf('/') + 1)

await t.test('times are those of the seed, in order, as many as the rate says', async t => {
  const order = { requestsPerSecond: 1000, warmupMs: 1000, measureMs: 9000, seed: 7 }
  const times = dueTimes(order)
  t.same(times, dueTimes(order))
  t.not(times[1], dueTimes({ ...order, seed: 8 })[1])
  t.ok(times.every((atMs, i) => atMs >= (times[i - 1] ?? 0) && atMs < 10_000))
  // Ten thousand, ± five standard deviations.
  t.ok(Math.abs(times.length - 10_000) < 500)
  t.ok((dueTimes({ requestsPerSecond: 0.001, warmupMs: 50, measureMs: 1, seed: 1 }).at(-1) ?? 0) >= 50)
})

await t.test('answers are counted by worker, from the end of the warm-up on', async t => {
  let begun = 0
  let answered = 0
  let answeredAtBegin = 0
  const port = await listening(t, ({ url }, response) => {
    answered++
    response.end(answerBody(answered % 4 === 0 ? 'b' : 'a', idOf(url)))
  })
  const figures = await runOpenLoop(
    plan(port, {
      onMeasuring: () => {
        begun++
        answeredAtBegin = answered
      },
    }),
  )
  t.equal(begun, 1)
  const { a = 0, b = 0 } = figures.byWorker
  t.equal(a + b, figures.requests)
  t.ok(figures.requests < answered, 'those of the warm-up are left out')
  t.ok(figures.requests <= answered - answeredAtBegin)
  t.ok(b > 0 && a > b)
  t.same(figures.failed, {})
  t.ok(figures.p50Ms <= figures.p99Ms && figures.p99Ms <= figures.p999Ms && figures.p999Ms <= figures.maxMs)
})

await t.test('refusals and broken connections are failures, not answers', async t => {
  let asked = 0
  const port = await listening(t, (request, response) => {
    asked++
    if (asked % 3 === 0) request.socket.destroy()
    else if (asked % 3 === 1) response.writeHead(503).end()
    else response.end(answerBody('a', idOf(request.url)))
  })
  const { failed, byWorker, requests } = await runOpenLoop(plan(port))
  t.ok((failed['503'] ?? 0) > 0)
  t.ok((failed['ECONNRESET'] ?? 0) > 0)
  t.equal(
    Object.values({ ...failed, ...byWorker }).reduce((sum, count) => sum + count, 0),
    requests,
  )
})

await t.test('the answer to another request ends the run', async t => {
  const port = await listening(t, (_request, response) => void response.end(answerBody('a', 'another')))
  await t.rejects(runOpenLoop(plan(port)), /wrong answer to request \d+: "a another\\n"/)
})

await t.test('it stops when told to', async t => {
  const port = await listening(t, ({ url }, response) => void response.end(answerBody('a', idOf(url))))
  const stop = new AbortController()
  const run = runOpenLoop(plan(port, { measureMs: 60_000, signal: stop.signal, onMeasuring: () => stop.abort() }))
  await t.rejects(run, { name: 'AbortError' })
})

await t.test('an answer tells who gave it, and belongs to one request', async t => {
  t.equal(answeringWorker(answerBody('slow', '17'), '17'), 'slow')
  t.equal(answeringWorker(answerBody('slow', '17'), '1'), null)
  t.equal(answeringWorker('', '17'), null)
  t.equal(answeringWorker(' 17\n', '17'), null)
})
