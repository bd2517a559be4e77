// The workers of the suite, each a process of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { decodeLoadReport } from '@plimsoll/load-report'
import { until } from '@plimsoll/testing'
import { Fleet } from '../../src/load-reports/fleet.ts'
import type { Behaviour } from '../../src/load-reports/worker-protocol.ts'
import type { BenchIo } from '../../src/suite.ts'

const temporary = mkdtempSync(path.join(tmpdir(), 'plimsoll-bench-'))
t.teardown(() => rmSync(temporary, { recursive: true, force: true }))

const io: BenchIo = {
  args: [],
  checkout: path.resolve(import.meta.dirname, '../../..'),
  nodePath: process.execPath,
  env: process.env,
  temporary,
  signal: new AbortController().signal,
  write: () => {},
  save: () => '',
}

function ask(socketPath: string, url: string): Promise<{ body: string; report: string }> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: url, agent: false }, response => {
      let body = ''
      response.setEncoding('latin1').on('data', (part: string) => (body += part))
      response.on('end', () => resolve({ body, report: String(response.headers['endpoint-load-metrics']) }))
    })
      .on('error', reject)
      .end()
  })
}

await t.test('a worker answers, reports its load, and tells how it fared', async t => {
  const behaviour: Behaviour = { name: 'one', holdMs: 5, keptMib: 4, collectEvery: 2 }
  const fleet = await Fleet.start(io, [behaviour])
  t.teardown(() => fleet.stop())
  const socketPath = fleet.workers[0]?.socketPath ?? ''
  fleet.begin()
  for (const id of ['7', '8', '9']) t.equal((await ask(socketPath, `/work/${id}`)).body, `one ${id}\n`)
  const { body, report } = await ask(socketPath, '/health')
  t.equal(body, 'well\n')
  const bytes = Buffer.from(report)
  t.ok((decodeLoadReport(bytes, 0, bytes.length)?.heapUtilization ?? 0) > 0)
  const figures = (await fleet.figures()).get('one')
  t.equal(figures?.requests, 3, 'checks are no work')
  t.ok((figures?.utilization ?? 0) > 0)
  const collected = async () => ((await fleet.figures()).get('one')?.majorCollections ?? 0) > 0
  await until(collected, { what: 'the collection behind the second request' })
  await fleet.stop()
  await t.rejects(ask(socketPath, '/health'), 'it has ended')
})

await t.test('a worker that cannot start leaves no other behind', async t => {
  const well: Behaviour = { name: 'well', holdMs: 1, keptMib: 0, collectEvery: 0 }
  const broken: Behaviour = { ...well, name: 'no/such/folder' }
  await t.rejects(Fleet.start(io, [well, broken]), /the worker "no\/such\/folder" ended with exit code 1/)
})
