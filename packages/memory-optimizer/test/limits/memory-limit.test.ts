import { totalmem } from 'node:os'
import t from 'tap'
import { findMemoryGroups } from '../../src/limits/cgroup-groups.ts'
import { parseGroupUse, readMemoryLimit, statField } from '../../src/limits/memory-limit.ts'
import {
  DOCKER_V1,
  DOCKER_V2_PRIVATE,
  HYBRID,
  KUBERNETES_V2,
  NONE_V1,
  readFrom,
  SYSTEMD_SLICE,
} from './recorded-tree.ts'

const MIB = 1024 * 1024
const MACHINE = { totalBytes: 16_384 * MIB, constrainedBytes: 0 }

await t.test('a container of Docker on version 2 has the limit of its own group', async t => {
  const limit = readMemoryLimit({ readText: readFrom(DOCKER_V2_PRIVATE), ...MACHINE })
  t.match(limit, { limitBytes: 512 * MIB, source: 'cgroup-v2', origin: '/sys/fs/cgroup/memory.max' })
  t.same(limit.groups, [{ version: 2, folder: '/sys/fs/cgroup', limitBytes: 512 * MIB }])
})

await t.test('the smallest limit on the way up holds, and memory.high is one', async t => {
  const limit = readMemoryLimit({ readText: readFrom(SYSTEMD_SLICE), ...MACHINE })
  t.match(limit, {
    limitBytes: 900 * MIB,
    source: 'cgroup-v2',
    origin: '/sys/fs/cgroup/system.slice/plimsoll.slice/memory.high',
  })
  t.same(
    limit.groups.map(group => group.limitBytes / MIB),
    [2048, 900],
    'every group with a limit is there, without those that have none',
  )
})

await t.test('a pod limits its containers that have no limit of their own', async t => {
  const limit = readMemoryLimit({ readText: readFrom(KUBERNETES_V2), ...MACHINE })
  t.match(limit, { limitBytes: 768 * MIB, source: 'cgroup-v2' })
  t.match(limit.origin, 'podf3c1.slice/memory.max')
})

await t.test('on version 1 the group is found behind its mount, and a parent out of reach counts', async t => {
  const readText = readFrom(DOCKER_V1)
  t.same(findMemoryGroups(readText), [{ version: 1, folder: '/sys/fs/cgroup/memory' }])
  const limit = readMemoryLimit({ readText, ...MACHINE })
  t.match(limit, { limitBytes: 128 * MIB, source: 'cgroup-v1', origin: '/sys/fs/cgroup/memory/memory.stat' })
})

await t.test('with both versions and no limit the machine is the limit', async t => {
  const readText = readFrom(HYBRID)
  t.same(
    findMemoryGroups(readText).map(group => group.folder),
    [
      '/sys/fs/cgroup/memory/session/f07c',
      '/sys/fs/cgroup/memory/session',
      '/sys/fs/cgroup/memory',
      '/sys/fs/cgroup/unified',
    ],
  )
  const limit = readMemoryLimit({ readText, totalBytes: 16_384 * MIB, constrainedBytes: 18_446_744_073_709_552_000 })
  t.match(limit, { limitBytes: 16_384 * MIB, source: 'machine', groups: [] })
})

await t.test(
  "Node's own constraint counts where nothing else can be read; 0 and more than there is are none",
  async t => {
    const readText = readFrom({})
    t.match(readMemoryLimit({ readText, totalBytes: 1000 * MIB, constrainedBytes: 300 * MIB }), {
      limitBytes: 300 * MIB,
      source: 'constrained-memory',
    })
    for (const constrainedBytes of [0, 2000 * MIB, 18_446_744_073_709_552_000]) {
      t.match(readMemoryLimit({ readText, totalBytes: 1000 * MIB, constrainedBytes }), {
        limitBytes: 1000 * MIB,
        source: 'machine',
      })
    }
    const both = readMemoryLimit({
      readText: readFrom(DOCKER_V2_PRIVATE),
      totalBytes: 1000 * MIB,
      constrainedBytes: 512 * MIB,
    })
    t.equal(both.source, 'cgroup-v2', 'where both say the same, the file is named')
  },
)

await t.test('odd paths: moved out of its namespace, removed while in use, escaped, mounted twice', async t => {
  const mount = '30 1 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n'
  const folders = (membership: string, mountinfo: string): string[] =>
    findMemoryGroups(readFrom({ '/proc/self/cgroup': membership, '/proc/self/mountinfo': mountinfo })).map(
      group => group.folder,
    )
  t.same(folders('0::/../other\n', mount), ['/sys/fs/cgroup'])
  t.same(folders('0::/a/b (deleted)\n', mount), ['/sys/fs/cgroup/a/b', '/sys/fs/cgroup/a', '/sys/fs/cgroup'])
  t.same(folders('0::/a:b\n', mount), ['/sys/fs/cgroup/a:b', '/sys/fs/cgroup'], 'a path may hold colons')
  t.same(folders('0::/a\n', '30 1 0:29 / /mnt/my\\040groups rw - cgroup2 none rw\n'), [
    '/mnt/my groups/a',
    '/mnt/my groups',
  ])
  t.same(folders('0::/a\n', `${mount}31 1 0:29 / /mnt/again rw - cgroup2 cgroup2 rw\n`), [
    '/sys/fs/cgroup/a',
    '/sys/fs/cgroup',
  ])
  t.same(
    folders('0::/ab\n', '30 1 0:29 /a /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n'),
    ['/sys/fs/cgroup'],
    'a prefix of a name is no parent',
  )
  t.same(folders('4:cpu:/\n', mount), [])
  t.same(folders('', 'nonsense'), [])
  t.ok(folders(`0::${'/a'.repeat(5000)}\n`, mount).length <= 65, 'the way up is bounded')
})

await t.test('use leaves out what the kernel can take back at once', async t => {
  const read = readFrom(DOCKER_V2_PRIVATE)
  const use = parseGroupUse(2, read('/sys/fs/cgroup/memory.current'), read('/sys/fs/cgroup/memory.stat'))
  t.same(use, { useBytes: 200 * MIB, heldBytes: 190 * MIB })
  const one = readFrom(DOCKER_V1)
  const folder = '/sys/fs/cgroup/memory'
  t.same(
    parseGroupUse(1, one(`${folder}/memory.usage_in_bytes`), one(`${folder}/memory.stat`)),
    { useBytes: 100 * MIB, heldBytes: 80 * MIB },
    'of the whole tree on version 1',
  )
  const none = { useBytes: 0, heldBytes: 0 }
  t.same(parseGroupUse(2, '100\n', 'inactive_file 200\n'), none, 'the files are read one after the other')
  t.same(parseGroupUse(2, '100\n', undefined), { useBytes: 100, heldBytes: 100 })
  const unknown = { useBytes: Number.NaN, heldBytes: Number.NaN }
  t.same(parseGroupUse(2, undefined, 'inactive_file 1\n'), unknown)
})

await t.test('a field of memory.stat is found by its whole name', async t => {
  t.equal(statField('total_inactive_file 7\ninactive_file 5\n', 'inactive_file'), 5)
  t.equal(statField('inactive_file 5', 'inactive_file'), 5)
  t.same(statField('total_inactive_file 7\n', 'inactive_file'), Number.NaN)
  t.same(statField('inactive_file x\n', 'inactive_file'), Number.NaN)
  t.same(statField(undefined, 'inactive_file'), Number.NaN)
})

await t.test("version 1's number for none isn't taken for a limit", async t => {
  const files = {
    ...DOCKER_V1,
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': NONE_V1,
    '/sys/fs/cgroup/memory/memory.stat': '',
  }
  t.equal(readMemoryLimit({ readText: readFrom(files), ...MACHINE }).source, 'machine')
})

await t.test('this machine is read without a limit above its memory', async t => {
  const limit = readMemoryLimit()
  t.ok(limit.limitBytes > 0 && limit.limitBytes <= totalmem())
  t.equal(limit.totalBytes, totalmem())
})
