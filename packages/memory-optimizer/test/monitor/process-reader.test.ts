import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@plimsoll/testing'
import t from 'tap'
import { openProcessReader } from '../../src/monitor/process-reader.ts'

const MIB = 1024 * 1024

await t.test('memory that this process fills is private', async t => {
  const reader = openProcessReader()
  t.teardown(() => reader.close())
  const before = reader.memory()
  const block = Buffer.alloc(64 * MIB, 1)
  const after = reader.memory()
  t.ok(after.privateBytes - before.privateBytes > 48 * MIB, `${(after.privateBytes - before.privateBytes) / MIB} MiB`)
  t.ok(after.arrayBuffersBytes - before.arrayBuffersBytes >= block.length)
  if (existsSync('/proc/self/statm'))
    t.ok(after.privateBytes < after.rssBytes, 'the program itself is mapped, not private')
})

await t.test('a loop that was blocked is late by that', async t => {
  const reader = openProcessReader()
  t.teardown(() => reader.close())
  // The timer that measures has to have run once, else there's nothing that the block delays.
  await sleep(100)
  const startMs = performance.now()
  while (performance.now() - startMs < 300);
  await until(() => reader.loop().delayP99Ms > 150, { what: 'the block to be seen' })
  t.pass('it was seen')
})

await t.test('utilization is that since the last reading', async t => {
  const reader = openProcessReader()
  t.teardown(() => reader.close())
  await sleep(1)
  reader.loop()
  const startMs = performance.now()
  while (performance.now() - startMs < 20);
  t.ok(reader.loop().utilization > 0.9)
})
