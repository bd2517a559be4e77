// A supervisor in a process of its own: killed, and asked to stop by what a terminal or a service manager sends to the whole group.
//
// Workers inherit the supervisor's standard output, so the pipe ends when the last of them is gone: that's what is awaited.
import { spawn, type ChildProcess } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isAlive } from '@plimsoll/testing'
import { COMPILE_CACHE, get, makeRunFolder, send, startFleet } from './fixture/fleet.ts'

interface SupervisorProcess {
  readonly child: ChildProcess
  readonly pids: number[]
  readonly exited: Promise<number | null>
  /** Resolves when the supervisor and all of its workers are gone. */
  readonly allGone: Promise<void>
}

async function startSupervisorProcess(t: Test, runFolder: string, mode = 'serve'): Promise<SupervisorProcess> {
  // A group of its own, as a terminal gives one to every job.
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixture/supervisor-main.ts'), runFolder, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  t.teardown(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // Nobody of the group is left, as it should be.
    }
  })
  const allGone = Promise.withResolvers<void>()
  const firstLine = Promise.withResolvers<string>()
  const exited = Promise.withResolvers<number | null>()
  child.on('exit', code => exited.resolve(code))
  child.stdout.setEncoding('utf8')
  let text = ''
  child.stdout.on('data', (chunk: string) => {
    text += chunk
    if (text.includes('\n')) firstLine.resolve(text)
  })
  child.stdout.on('end', () => allGone.resolve())
  const pids = JSON.parse(await firstLine.promise) as number[]
  return { child, pids, exited: exited.promise, allGone: allGone.promise }
}

await t.test('workers end by themselves when the supervisor is killed, after what they have in flight', async t => {
  const runFolder = await makeRunFolder(t)
  const { child, pids, allGone } = await startSupervisorProcess(t, runFolder)
  t.ok(pids.every(isAlive))
  const slow = send(join(runFolder, '0-1.sock'), '/')
  await slow.arrived
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  slow.finish()
  t.match(await slow.answer, { worker: 0 })
  // Not by pid: whoever adopts orphans may leave them as zombies.
  await allGone
})

await t.test('the next supervisor takes the folder over, while orphans of the one before still finish', async t => {
  const runFolder = await makeRunFolder(t)
  const { child, allGone } = await startSupervisorProcess(t, runFolder, 'close-late')
  await get(join(runFolder, '1-1.sock'), '/')
  const slow = send(join(runFolder, '0-1.sock'), '/')
  await slow.arrived
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  const { supervisor, sockets } = await startFleet(t, { runFolder })
  slow.finish()
  t.match(await slow.answer, { worker: 0, generation: 1 })
  await allGone
  t.same(await sockets(), ['0-2.sock', '1-2.sock'], 'no orphan has removed a socket of its successor')
  for (const { socketPath, generation } of supervisor.workers()) t.match(await get(socketPath, '/'), { generation })
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  await t.test(`${signal} to the whole group: what is in flight is answered, everything ends in order`, async t => {
    const runFolder = await makeRunFolder(t)
    const { child, pids, exited, allGone } = await startSupervisorProcess(t, runFolder)
    const slow = send(join(runFolder, '1-1.sock'), '/')
    await slow.arrived
    process.kill(-(child.pid ?? 0), signal)
    slow.finish()
    t.match(await slow.answer, { worker: 1 })
    t.equal(await exited, 0)
    await allGone
    t.notOk(pids.some(isAlive))
    t.same(await readdir(runFolder), [])
  })
}
