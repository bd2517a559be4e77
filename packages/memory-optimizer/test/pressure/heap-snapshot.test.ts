import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { type HeapSnapshotOptions, takeHeapSnapshot } from '../../src/pressure/heap-snapshot.ts'

const MIB = 1024 * 1024

function options(t: { testdir(): string }, change: Partial<HeapSnapshotOptions> = {}): HeapSnapshotOptions {
  const folder = t.testdir()
  return {
    folder,
    containsSecretsAndThatIsFine: true,
    isDrained: () => true,
    containerFreeBytes: 1200 * MIB,
    machineFreeBytes: 2000 * MIB,
    heapUsedBytes: 100 * MIB,
    lockFile: path.join(folder, 'lock'),
    wallClock: { now: () => 7000 },
    write: file => writeFileSync(file, '{}'),
    ...change,
  }
}

await t.test('with all that it needs, a snapshot is written for its owner alone, and the lock is gone', async t => {
  const all = options(t)
  const file = takeHeapSnapshot(all)
  t.equal(path.basename(file), `heap-${process.pid}-7000.heapsnapshot`)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(readdirSync(all.folder), [path.basename(file)])
})

await t.test('each thing that is missing is a refusal that names it, and nothing is written', async t => {
  for (const [change, message] of [
    [{ containsSecretsAndThatIsFine: false }, /containsSecretsAndThatIsFine/],
    [{ isDrained: () => false }, /not drained/],
    [{ containerFreeBytes: 1199 * MIB }, /1199 MiB.*1200/],
    [{ machineFreeBytes: 1199 * MIB }, /1199 MiB/],
    [{ containerFreeBytes: Number.NaN, machineFreeBytes: 10 * MIB }, /10 MiB/],
  ] as const) {
    const all = options(t, change)
    t.throws(() => takeHeapSnapshot(all), { code: 'MEMORY_ERR_SNAPSHOT', message })
    t.same(readdirSync(all.folder), [])
  }
})

await t.test('a container whose use is not known goes by the machine alone', async t => {
  t.ok(existsSync(takeHeapSnapshot(options(t, { containerFreeBytes: Number.NaN }))))
})

await t.test('one at a time: a living holder of the lock refuses, a dead one does not', async t => {
  const all = options(t)
  const lockFile = all.lockFile ?? ''
  writeFileSync(lockFile, String(process.ppid))
  t.throws(() => takeHeapSnapshot(all), {
    code: 'MEMORY_ERR_SNAPSHOT',
    message: new RegExp(`process ${process.ppid} holds`),
  })
  t.equal(readFileSync(lockFile, 'latin1'), String(process.ppid), "another's lock stays")
  const ended = execFileSync(process.execPath, ['-p', 'process.pid']).toString().trim()
  writeFileSync(lockFile, ended)
  t.ok(existsSync(takeHeapSnapshot(all)))
  const again = options(t)
  writeFileSync(again.lockFile ?? '', String(process.pid))
  t.ok(
    existsSync(takeHeapSnapshot(again)),
    'the own id is that of an earlier process, as in a container that was started again',
  )
})

await t.test('a lock whose holder can not be told is respected', async t => {
  const all = options(t)
  writeFileSync(all.lockFile ?? '', '')
  t.throws(() => takeHeapSnapshot(all), { code: 'MEMORY_ERR_SNAPSHOT', message: /holds/ })
})

await t.test('a write that fails gives the lock back, and leaves no half a file', async t => {
  const all = options(t, {
    write: () => {
      throw new Error('disk full')
    },
  })
  t.throws(() => takeHeapSnapshot(all), { code: 'MEMORY_ERR_SNAPSHOT', message: /disk full/ })
  t.same(readdirSync(all.folder), [])
})

await t.test("V8's own file is a snapshot, and keeps the mode that it was made with", async t => {
  const folder = t.testdir()
  const module = import.meta.resolve('../../src/pressure/heap-snapshot.ts')
  const program = `import { takeHeapSnapshot } from ${JSON.stringify(module)}
    console.log(takeHeapSnapshot({ folder: ${JSON.stringify(folder)}, containsSecretsAndThatIsFine: true, isDrained: () => true,
      containerFreeBytes: NaN, machineFreeBytes: 1e12, lockFile: ${JSON.stringify(path.join(folder, 'lock'))} }))`
  const file = execFileSync(process.execPath, ['--input-type=module', '-e', program]).toString().trim()
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.ok(readFileSync(file, 'latin1').startsWith('{"snapshot"'))
})
