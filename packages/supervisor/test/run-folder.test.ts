import { existsSync } from 'node:fs'
import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { openRunFolder, socketPathFor } from '../src/run-folder.ts'
import { makeRunFolder } from './fixture/fleet.ts'

await t.test('a socket path of 100 bytes is fine and one of 101 is refused, counted in bytes', t => {
  const name = '/0-1.sock'.length
  t.equal(socketPathFor(`/${'x'.repeat(99 - name)}`, 0, 1).length, 100)
  t.throws(() => socketPathFor(`/${'x'.repeat(100 - name)}`, 0, 1), {
    code: 'SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG',
    message: /101 bytes/,
  })
  t.throws(() => socketPathFor(`/${'é'.repeat(60)}`, 0, 1), {
    code: 'SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG',
    message: /130 bytes/,
  })
  t.end()
})

await t.test('makes its folder, for its own user alone', async t => {
  const path = join(await makeRunFolder(t), 'a', 'b')
  const folder = await openRunFolder(path, 2)
  t.equal((await stat(path)).mode & 0o777, 0o700)
  t.equal(folder.firstGeneration, 1)
  await folder.release()
})

await t.test('is free again after its release', async t => {
  const path = await makeRunFolder(t)
  const first = await openRunFolder(path, 2)
  await t.rejects(openRunFolder(path, 2), { code: 'SUPERVISOR_ERR_RUN_FOLDER_IN_USE' })
  await first.release()
  const second = await openRunFolder(path, 2)
  await second.release()
})

await t.test('the lock of a supervisor that was killed is stale and taken over', async t => {
  const path = await makeRunFolder(t)
  // A socket file that nobody listens on, as SIGKILL leaves it: closing a server would remove it, so it's moved away first.
  const server = createServer()
  await new Promise<void>(resolve => server.listen(join(path, 'before'), resolve))
  await rename(join(path, 'before'), join(path, 'fleet.lock'))
  await new Promise<void>(resolve => server.close(() => resolve()))
  t.ok(existsSync(join(path, 'fleet.lock')))
  const folder = await openRunFolder(path, 2)
  await folder.release()
})

await t.test("removes workers' sockets and nothing else", async t => {
  const path = await makeRunFolder(t)
  const others = ['endpoints.json', 'admin.sock', '0-1.sock.bak', 'x-1.sock']
  await Promise.all([...others, '0-4.sock', '11-2.sock'].map(name => writeFile(join(path, name), '')))
  await mkdir(join(path, 'sub'))
  const folder = await openRunFolder(path, 2)
  t.equal(folder.firstGeneration, 5)
  t.ok(others.every(name => existsSync(join(path, name))))
  t.notOk(existsSync(join(path, '0-4.sock')) || existsSync(join(path, '11-2.sock')))
  await folder.removeSocket(folder.socketPath(0, 5))
  t.pass('a socket that is gone already is fine')
  await folder.release()
})

await t.test('a folder that the system will not make is refused, at once', async t => {
  await t.rejects(openRunFolder('/proc/plimsoll/run', 1), { code: 'SUPERVISOR_ERR_RUN_FOLDER' })
})
