import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isAlive, rawClient } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { HEALTH_PATH, requestBody, WORK_PATH } from '../src/upstream/upstream-protocol.ts'
import { UpstreamFleet } from '../src/upstream-fleet.ts'

async function start(t: Test): Promise<UpstreamFleet> {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-fleet-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { signal } = new AbortController()
  const env = { ...process.env, NODE_OPTIONS: undefined, NODE_V8_COVERAGE: undefined }
  const fleet = await UpstreamFleet.start({ nodePath: process.execPath, env, folder, signal })
  t.teardown(() => fleet.stop())
  return fleet
}

async function post(t: Test, port: number, id: string): Promise<number> {
  const peer = await rawClient(t, port)
  const body = requestBody(id)
  await peer.write(`POST ${WORK_PATH}${id} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  const { status } = await peer.readResponse({ timeoutMs: 5000 })
  peer.release()
  return status
}

await t.test('what was executed is known after kill -9, a restart on the same port, and a drain', async t => {
  const fleet = await start(t)
  const [port = 0, other = 0] = fleet.ports
  t.equal(await post(t, port, '1'), 200)
  t.equal(await post(t, other, '1'), 200)
  const seen: string[] = []
  await fleet.kill('a', at => void seen.push(at))
  t.same(seen, ['killed', 'gone'])
  await t.rejects(rawClient(t, port), { code: 'ECONNREFUSED' })
  await fleet.restart('a')
  t.equal(await post(t, port, '2'), 200)
  await fleet.drain('a')
  await t.rejects(rawClient(t, port), { code: 'ECONNREFUSED' })
  await fleet.restart('a')
  t.equal(await post(t, port, '3'), 200)
  await fleet.stop()
  t.same(
    fleet.executions(),
    new Map([
      ['POST 1', 2],
      ['POST 2', 1],
      ['POST 3', 1],
    ]),
  )
})

await t.test('a fault is in force once it was ordered, and only where', async t => {
  const fleet = await start(t)
  await fleet.injure('b', 'answer-500')
  t.same(await Promise.all(fleet.ports.map(port => post(t, port, '1'))), [200, 500, 200])
  await fleet.injure('b', 'none')
  t.equal(await post(t, fleet.ports[1] ?? 0, '2'), 200)
})

await t.test('nothing is left when a fleet has stopped, and who does not run cannot be injured', async t => {
  const fleet = await start(t)
  const pids = fleet.pids
  t.equal(pids.length, 3)
  t.ok(pids.every(isAlive))
  await fleet.stop()
  t.notOk(pids.some(isAlive))
  await t.rejects(fleet.injure('a', 'hang'), /upstream a isn't running/)
  await t.rejects(fleet.injure('d', 'hang'), /there is no upstream "d"/)
  for (const port of fleet.ports) {
    await t.rejects(rawClient(t, port), { code: 'ECONNREFUSED' }, HEALTH_PATH)
  }
})
