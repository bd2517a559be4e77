import { chmod, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { chooseServerUser, findObstacle, type ServerUser } from '../src/server-user.ts'
import { isRoot, NOBODY } from './nobody.ts'
import { temporaryFolder } from './temporary-folder.ts'

const PASSWD = `root:x:0:0:root:/root:/bin/bash
# a comment
+::::::
nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin
node:x:1000:1001::/home/node:/bin/bash
me:x:1234:1235::/home/me:/bin/bash
broken:x:a:b::/:
`

async function choose(t: Tap, passwd: string, uid: number, data = '/nowhere'): Promise<ServerUser> {
  const file = path.join(await temporaryFolder(t), 'passwd')
  await writeFile(file, passwd)
  return chooseServerUser(data, { uid, gid: uid + 1, passwdFile: file })
}
type Tap = Pick<typeof t, 'teardown'>

await t.test('root drops to the first of postgres, node and nobody', async t => {
  t.strictSame(await choose(t, PASSWD, 0), { name: 'node', uid: 1000, gid: 1001, dropped: true })
  t.match(await choose(t, `${PASSWD}postgres:x:70:71::/:`, 0), { name: 'postgres', uid: 70, gid: 71 })
  t.match(await choose(t, PASSWD.replace('node:', 'edon:'), 0), { name: 'nobody', uid: 65_534, gid: 65_533 })
})

await t.test('a user of that name who is root in truth does not count', async t => {
  t.match(await choose(t, PASSWD.replace('node:x:1000', 'node:x:0'), 0), { name: 'nobody' })
})

await t.test('without any of them root is told what to do', async t => {
  await t.rejects(choose(t, 'root:x:0:0::/:', 0), {
    code: 'LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER',
    message: /useradd.*DATABASE_URL/,
  })
  await t.rejects(chooseServerUser('/nowhere', { uid: 0, gid: 0, passwdFile: '/no/such/file' }), {
    code: 'LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER',
  })
})

await t.test('everybody else stays who they are', async t => {
  t.strictSame(await choose(t, PASSWD, 1234), { name: 'me', uid: 1234, gid: 1235, dropped: false })
  t.strictSame(await choose(t, PASSWD, 4321), { name: 'uid 4321', uid: 4321, gid: 4322, dropped: false })
})

await t.test('the owner of a cluster runs it', async t => {
  const data = await temporaryFolder(t, isRoot ? { uid: NOBODY } : {})
  const owner = isRoot ? NOBODY : (process.getuid?.() ?? 0)
  t.match(await choose(t, PASSWD, 0, data), { uid: owner, dropped: true })
  await t.rejects(choose(t, PASSWD, owner + 1, data), {
    code: 'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
    message: /PLIMSOLL_DATA/,
  })
})

await t.test(
  'the first closed folder on the way is found; what is open to the owner, the group or all is passed',
  async t => {
    const outer = await temporaryFolder(t)
    const inner = path.join(outer, 'inner', 'most')
    await mkdir(inner, { recursive: true })
    const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
    const as = (uid: number, gid: number): ServerUser => ({ name: 'x', uid, gid, dropped: true })
    const stranger = as(54_321, 54_321)
    t.equal(await findObstacle(inner, stranger), undefined)
    await chmod(outer, 0o710)
    t.strictSame(await findObstacle(inner, stranger), { folder: outer, mode: '0710' })
    t.equal(await findObstacle(inner, as(uid, 54_321)), undefined, 'the owner')
    t.equal(await findObstacle(inner, as(54_321, gid)), undefined, 'the group')
    await chmod(outer, 0o701)
    t.strictSame(
      await findObstacle(inner, as(54_321, gid)),
      { folder: outer, mode: '0701' },
      'a group that is shut out stays out',
    )
    t.equal(await findObstacle(inner, { ...stranger, dropped: false }), undefined, 'ourselves the system asks')
  },
)
