// Whether a folder may be used at all, and who may look into it.
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LmdbMachineMap } from '../../src/lmdb/lmdb-machine-map.ts'
import { memoryFolder } from './fixture/folder.ts'
import { openMap } from './fixture/open-map.ts'
import { damaged, mapIn } from './fixture/used-map.ts'

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

await t.test('nobody else can look into a map, whatever the mask is', async t => {
  const folder = memoryFolder(t)
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
  await openMap(t, { folder })
  const own = join(folder, 'machine-v1')
  for (const path of [own, join(own, 'map'), join(own, 'users')]) t.equal(modeOf(path), '700', path)
  for (const path of ['map/data.mdb', 'map/lock.mdb']) t.equal(modeOf(join(own, path)), '600', path)
  for (const user of readdirSync(join(own, 'users'))) t.equal(modeOf(join(own, 'users', user)), '600')
})

await t.test('a folder that stands open is closed', async t => {
  const folder = memoryFolder(t)
  mkdirSync(join(folder, 'machine-v1'))
  chmodSync(join(folder, 'machine-v1'), 0o777)
  await openMap(t, { folder })
  t.equal(modeOf(join(folder, 'machine-v1')), '700')
})

await t.test('a folder of another user, a link and a file are refused', async t => {
  const refused: { readonly [name: string]: (path: string) => void } = {
    'isn’t a folder': path => symlinkSync('/tmp', path),
    'machine-v1 isn’t a folder': path => writeFileSync(path, ''),
    ...(process.getuid?.() === 0
      ? {
          'belongs to another user': (path: string) => {
            mkdirSync(path)
            chownSync(path, 65_534, 65_534)
          },
        }
      : {}),
  }
  for (const [reason, make] of Object.entries(refused)) {
    const folder = memoryFolder(t)
    make(join(folder, 'machine-v1'))
    const map = new LmdbMachineMap({ folder })
    t.equal(map.state().state, 'off')
    t.match(map.state().reason, reason)
    t.equal(map.sequence(), -1)
    t.equal(await map.invalidate(['ta']), -1)
    await map.close()
  }
})

await t.test('another layout has another folder', async t => {
  const folder = memoryFolder(t)
  await openMap(t, { folder, name: 'a' })
  await openMap(t, { folder, name: 'b' })
  t.same(readdirSync(folder).toSorted(), ['a-v1', 'b-v1'])
})

await t.test('a map that’s closed properly is opened again at once, and remembers', async t => {
  const folder = memoryFolder(t)
  const first = await openMap(t, { folder })
  const { epoch } = first
  await first.invalidate(['ta'])
  await first.close()
  t.same(readdirSync(join(folder, 'machine-v1', 'users')), [])
  const second = new LmdbMachineMap({ folder })
  t.teardown(() => second.close())
  t.equal(second.state().state, 'on', 'without a check')
  t.equal(second.epoch, epoch)
  t.equal(second.lastChange('ta').sequence, 1)
  t.same(damaged(mapIn(folder)), [])
})

await t.test('one process may have the same map open twice', async t => {
  const folder = memoryFolder(t)
  const first = await openMap(t, { folder })
  const second = await openMap(t, { folder })
  t.equal(await first.invalidate(['ta']), 1)
  t.equal(second.sequence(), 1)
  t.equal(await second.invalidate(['ta']), 2)
  t.equal(first.sequence(), 2)
  await first.close()
  t.equal(second.sequence(), 2)
  t.equal(await second.invalidate(['tb']), 3)
  t.equal(second.lastChange('tb').sequence, 3)
})
