// What a user gets: every tarball is made, installed in an empty folder with nothing of this checkout around it, and its README's example
// runs on a plain Node 24.
import { execFile } from 'node:child_process'
import { existsSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { testDatabase } from '@plimsoll/testing'
import { pack, type PackedTarball } from '../../src/pack/pack.ts'
import {
  npmInstall,
  OfflineError,
  type Outcome,
  plainly,
  plainNode,
  runToEnd,
  withoutWorkspace,
} from '../plain-node.ts'
import { readTarball } from '../read-tarball.ts'

const EXAMPLE_TIMEOUT_MS = 20_000
const INSTALLS_AT_ONCE = 2
const checkout = path.resolve(import.meta.dirname, '../../../..')
const { url } = await testDatabase(t, { template: { key: 'empty', prepare: async () => {} } })
/** A PostgreSQL is there for the examples that want one. */
const env = { ...withoutWorkspace(process.env), DATABASE_URL: url }
/** What an example has to print where "something" isn't enough: that it works, and not just that it shows its error. */
const PRINTS: Readonly<Record<string, RegExp>> = { '@plimsoll/db-optimizer': /^42 3 \d+\n$/ }

t.setTimeout(240_000)

// Open to other users: an example that starts PostgreSQL as root has it run as somebody else.
const temporary = mkdtempSync(path.join(tmpdir(), 'plimsoll-tarballs-'))
chmodSync(temporary, 0o755)
t.teardown(() => rmSync(temporary, { recursive: true, force: true }))

const lines: string[] = []
const tarballs = await pack({
  checkout,
  out: path.join(temporary, 'dist'),
  only: [],
  node: plainly(process.execPath),
  temporary: tmpdir(),
  onProgress: line => lines.push(line),
})
t.equal(lines.length, tarballs.length + 1, 'a line of progress for the build and for each tarball')

for (const tarball of tarballs) {
  await t.test(`the tarball of ${tarball.name} holds what is published, and nothing else`, async t => {
    const files = readTarball(tarball.path)
    const names = [...files.keys()]
    for (const name of ['README.md', 'LICENSE', 'package.json', 'dist/index.js', 'dist/index.d.ts']) {
      t.ok(files.has(name), `it has ${name}`)
    }
    t.same(
      names.filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts')),
      [],
      'no TypeScript but declarations',
    )
    t.same(
      names.filter(name => /^(?:src|test|bench)\//.test(name) || /\.(?:test|tsbuildinfo)\b/.test(name)),
      [],
      'no sources, tests or benches',
    )
    const manifest = JSON.parse(String(files.get('package.json'))) as Record<string, unknown>
    for (const key of ['private', 'scripts', 'devDependencies', 'repository']) t.notOk(key in manifest, `no ${key}`)
    for (const key of ['description', 'license']) t.type(manifest[key], 'string', `it has a ${key}`)
    t.same(manifest['engines'], { node: '>=24' })
    for (const target of targetsOf(manifest['exports'])) t.ok(files.has(target.slice(2)), `${target} is there`)
    const dependencies = (manifest['dependencies'] ?? {}) as Record<string, string>
    for (const [name, version] of Object.entries(dependencies)) t.match(version, /^\d+\.\d+\.\d+/, `${name} is exact`)
  })
}

await t.test('every tarball installs in an empty folder and its example runs on a plain Node 24', async t => {
  const node = await fetchedNode()
  if (node instanceof OfflineError || node === null) {
    const reason = node === null ? `no Node 24 in a package for ${process.platform}-${process.arch}` : node.message
    if (process.env['CI'] === 'true') t.fail(reason)
    else process.stderr.write(`*** SKIPPED, the examples of the tarballs: ${reason}\n`)
    return
  }
  const waiting = tarballs.map(tarball => ({ tarball, done: Promise.withResolvers<Outcome | OfflineError>() }))
  const queue = waiting.values()
  for (let i = 0; i < INSTALLS_AT_ONCE; i++) {
    void (async () => {
      for (const { tarball, done } of queue) await tryOut(tarball, node).then(done.resolve, done.reject)
    })()
  }
  // Each result is waited for below; one that fails early must not end the process before.
  for (const { done } of waiting) done.promise.catch(() => {})
  for (const { tarball, done } of waiting) {
    await t.test(`the example of ${tarball.name} ends by itself and prints something`, async t => {
      const outcome = await done.promise
      if (outcome instanceof OfflineError) {
        if (process.env['CI'] === 'true') t.fail(outcome.message)
        else process.stderr.write(`*** SKIPPED, the example of ${tarball.name}: ${outcome.message}\n`)
        return
      }
      t.equal(outcome.exitCode, 0, 'exit code', { stdout: outcome.stdout, stderr: outcome.stderr })
      t.match(outcome.stdout, PRINTS[tarball.name] ?? /\S/, 'it prints something')
    })
  }
  await t.test('the declarations compile in a program that imports them', async t => {
    t.equal(await compileImports(tarballs), '')
  })
})

async function fetchedNode(): Promise<string | null | OfflineError> {
  try {
    return await plainNode(path.join(checkout, 'node_modules/.cache/plimsoll'), env)
  } catch (error) {
    if (error instanceof OfflineError) return error
    throw error
  }
}

/** Installs one tarball with those of the workspace that it needs, and runs the example of the README that came with it. */
async function tryOut(tarball: PackedTarball, node: string): Promise<Outcome | OfflineError> {
  const folder = path.join(temporary, tarball.shortName)
  mkdirSync(folder)
  const all = [tarball, ...tarballs.filter(other => tarball.needs.includes(other.name))]
  // Overridden, npm takes ours without asking the registry for packages that it doesn't have; some registries are slow to say so.
  const manifest = {
    private: true,
    type: 'module',
    dependencies: {
      ...exampleDependencies(tarball),
      ...Object.fromEntries(all.map(one => [one.name, `file:${one.path}`])),
    },
    overrides: Object.fromEntries(all.map(one => [one.name, `$${one.name}`])),
  }
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
  try {
    await npmInstall(folder, [], env)
  } catch (error) {
    if (error instanceof OfflineError) return error
    throw error
  }
  const readme = readFileSync(path.join(folder, 'node_modules', tarball.name, 'README.md'), 'utf8')
  const example = /<!-- example -->\s*```js\n([\s\S]*?)```/.exec(readme)?.[1]
  if (example === undefined) throw new Error(`${tarball.name}: the README has no \`\`\`js block below <!-- example -->`)
  writeFileSync(path.join(folder, 'example.js'), example)
  return runToEnd(plainly(node, 'example.js'), { cwd: folder, env, timeoutMs: EXAMPLE_TIMEOUT_MS })
}

/** What an example uses beside its package, as its user would install it: Fastify for what's shown in a Fastify service. */
function exampleDependencies({ shortName }: PackedTarball): Record<string, string> {
  const file = path.join(checkout, 'packages', shortName, 'package.json')
  // The balancer is an app, and its example needs nothing but itself.
  if (!existsSync(file)) return {}
  const { devDependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as {
    devDependencies?: Record<string, string>
  }
  return devDependencies
}

/** What the compiler finds in our declarations when a program imports every entry; empty when it's content. */
function compileImports(all: readonly PackedTarball[]): Promise<string> {
  const programs = all.map(({ name, shortName, path: file }) => {
    const manifest = JSON.parse(String(readTarball(file).get('package.json'))) as { exports: Record<string, unknown> }
    const entries = Object.entries(manifest.exports).filter(([, target]) => typeof target === 'object')
    const imports = entries.map(([entry], i) => `export * as entry${i} from '${name}${entry.slice(1)}'`)
    const program = path.join(temporary, shortName, 'program.ts')
    writeFileSync(program, imports.join('\n'))
    return program
  })
  const project = path.join(temporary, 'tsconfig.json')
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [path.join(checkout, 'node_modules/@types')],
  }
  writeFileSync(project, JSON.stringify({ compilerOptions, files: programs }))
  const tsc = path.join(checkout, 'node_modules/typescript/bin/tsc')
  const [file = '', ...args] = plainly(process.execPath, tsc, '-p', project, '--pretty', 'false')
  return new Promise(resolve => {
    execFile(file, args, { cwd: temporary }, (_, stdout) => {
      // Declarations of third parties are theirs to mend.
      const ours = stdout.split('\n').filter(line => /@plimsoll\/|program\.ts/.test(line))
      resolve(ours.join('\n'))
    })
  })
}

function targetsOf(target: unknown): string[] {
  if (typeof target === 'string') return [target]
  return typeof target === 'object' && target !== null ? Object.values(target).flatMap(targetsOf) : []
}
