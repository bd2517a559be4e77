// Which folders of the checkout are published, and what each of them needs of the others.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ReleaseError } from '../errors.ts'
import type { Manifest } from './manifest.ts'

/** A folder of the workspace that becomes a tarball. */
export interface WorkspacePackage {
  /** As it's imported: `@plimsoll/config`. */
  readonly name: string
  /** Without the scope: `config`. */
  readonly shortName: string
  readonly version: string
  /** Absolute path. */
  readonly folder: string
  readonly manifest: Manifest
  /** Names of the workspace packages that it imports, without those that these import in turn. */
  readonly needs: readonly string[]
}

/** Apps that are of use by themselves, outside this repository. */
const PUBLISHED_APPS = ['apps/balancer']
const DEPENDENCY_KEYS = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const

/** Every package below packages/ and the published apps, by name. */
export function publishedPackages(checkout: string): ReadonlyMap<string, WorkspacePackage> {
  const folders = readdirSync(path.join(checkout, 'packages'), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => `packages/${entry.name}`)
    .toSorted()
  const manifests = [...folders, ...PUBLISHED_APPS]
    .map(folder => path.join(checkout, folder))
    .filter(folder => existsSync(path.join(folder, 'package.json')))
    .map(folder => ({ folder, manifest: readManifest(folder) }))
  const names = new Set(manifests.map(({ manifest }) => manifest.name))
  return new Map(
    manifests.map(({ folder, manifest }) => {
      const needs = DEPENDENCY_KEYS.flatMap(key => Object.keys(manifest[key] ?? {})).filter(name => names.has(name))
      return [manifest.name, { ...identity(manifest), folder, manifest, needs }]
    }),
  )
}

/** The wanted packages and all that they need, each after what it needs. */
export function withNeeds(
  all: ReadonlyMap<string, WorkspacePackage>,
  wanted: Iterable<WorkspacePackage>,
): WorkspacePackage[] {
  const ordered = new Set<WorkspacePackage>()
  const visit = (one: WorkspacePackage) => {
    for (const name of one.needs) {
      const needed = all.get(name)
      if (needed && !ordered.has(needed)) visit(needed)
    }
    ordered.add(one)
  }
  for (const one of wanted) visit(one)
  return [...ordered]
}

/**
 * The packages with the given names, with or without the scope; all of them when there's no name.
 * @throws ReleaseError RELEASE_ERR_UNKNOWN_PACKAGE
 */
export function choosePackages(
  all: ReadonlyMap<string, WorkspacePackage>,
  names: readonly string[],
): WorkspacePackage[] {
  if (names.length === 0) return [...all.values()]
  return names.map(name => {
    const found = [...all.values()].find(one => one.name === name || one.shortName === name)
    if (found) return found
    const known = [...all.values()].map(one => one.shortName).join(', ')
    throw new ReleaseError('RELEASE_ERR_UNKNOWN_PACKAGE', `There is no package "${name}". There are: ${known}`)
  })
}

/** The name that npm gives a package's tarball. */
export function tarballName(one: Pick<WorkspacePackage, 'name' | 'version'>): string {
  return `${one.name.replace(/^@/, '').replace('/', '-')}-${one.version}.tgz`
}

function identity({ name, version }: Manifest) {
  return { name, version, shortName: name.slice(name.indexOf('/') + 1) }
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest
}
