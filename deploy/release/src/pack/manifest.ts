// package.json as it's published, made from the one that the workspace runs from.
//
// In the workspace a package exports its TypeScript sources, so nothing there can be stale; in a tarball it exports JavaScript with
// declarations, because Node strips no types below node_modules.
import { ReleaseError } from '../errors.ts'

type Dependencies = Readonly<Record<string, string>>

/** The parts of a package.json that matter here; the others are carried over as they are. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports?: unknown
  readonly imports?: unknown
  readonly bin?: string | Readonly<Record<string, string>>
  readonly files?: readonly string[]
  readonly dependencies?: Dependencies
  readonly peerDependencies?: Dependencies
  readonly optionalDependencies?: Dependencies
  readonly [key: string]: unknown
}

/** Of use in the workspace only, or pointing at places that a reader of the tarball can't follow. */
const DROPPED_KEYS = [
  'private',
  'scripts',
  'devDependencies',
  'workspaces',
  'publishConfig',
  'repository',
  'bugs',
  'homepage',
]
const DEPENDENCY_KEYS = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const
const SOURCE_FILE = /^(?:\.\/)?src\/(.+)\.ts$/

/**
 * Rewrites a manifest for publication. `versions` has the version of every workspace package: dependencies on them become exact.
 * @throws ReleaseError RELEASE_ERR_MANIFEST when it exports nothing, or a source that stays TypeScript.
 */
export function publishedManifest(manifest: Manifest, versions: ReadonlyMap<string, string>): Manifest {
  if (manifest.exports === undefined) {
    throw new ReleaseError(
      'RELEASE_ERR_MANIFEST',
      `${manifest.name} has no "exports" in its package.json; give it { ".": "./src/index.ts" }`,
    )
  }
  const kept = Object.fromEntries(Object.entries(manifest).filter(([key]) => !DROPPED_KEYS.includes(key)))
  const published: Record<string, unknown> = {
    ...kept,
    exports: mapTargets(manifest.exports, manifest.name),
    files: ['dist', ...extraFiles(manifest)],
    engines: { node: '>=24' },
  }
  if (manifest.imports !== undefined) published['imports'] = mapTargets(manifest.imports, manifest.name)
  if (manifest.bin !== undefined) published['bin'] = mapCommands(manifest.bin)
  for (const key of DEPENDENCY_KEYS) {
    const dependencies = manifest[key]
    if (dependencies) published[key] = exactVersions(dependencies, versions)
  }
  return published as unknown as Manifest
}

/** What's published beside the build: the entries of `files` outside src, for example a JSON Schema. */
export function extraFiles(manifest: Manifest): string[] {
  return (manifest.files ?? []).filter(entry => !/^(?:\.\/)?(?:src|dist)(?:\/|$)/.test(entry))
}

/** Where the build of a source lies in the tarball; null for anything that isn't TypeScript below src. */
export function builtFile(source: string): string | null {
  const match = SOURCE_FILE.exec(source)
  return match && !source.endsWith('.d.ts') ? `./dist/${match[1]}.js` : null
}

/** The built files that are commands. */
export function commandFiles(manifest: Manifest): string[] {
  return manifest.bin === undefined ? [] : Object.values(mapCommands(manifest.bin))
}

function mapTargets(target: unknown, name: string): unknown {
  if (typeof target === 'string') {
    const built = builtFile(target)
    if (built) return { types: built.replace(/\.js$/, '.d.ts'), default: built }
    if (target.endsWith('.ts')) {
      throw new ReleaseError(
        'RELEASE_ERR_MANIFEST',
        `${name} exports ${target}, which stays TypeScript in a tarball; only files below src are built`,
      )
    }
    return target
  }
  if (Array.isArray(target)) return target.map(one => mapTargets(one, name))
  if (typeof target === 'object' && target !== null) {
    return Object.fromEntries(Object.entries(target).map(([key, value]) => [key, mapTargets(value, name)]))
  }
  return target
}

function mapCommands(bin: string | Readonly<Record<string, string>>): Record<string, string> | string {
  if (typeof bin === 'string') return builtFile(bin) ?? bin
  return Object.fromEntries(Object.entries(bin).map(([command, file]) => [command, builtFile(file) ?? file]))
}

function exactVersions(dependencies: Dependencies, versions: ReadonlyMap<string, string>): Dependencies {
  return Object.fromEntries(Object.entries(dependencies).map(([name, range]) => [name, versions.get(name) ?? range]))
}
