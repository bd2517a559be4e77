// Makes the tarballs: builds, puts each package together in a temporary folder, has npm pack it.
//
// Invariants
// * The checkout is only read; the out folder gets whole tarballs.
// * Nothing is fetched: what's needed lies in node_modules.
import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { ReleaseError } from '../errors.ts'
import { build, filesBelow, stageFolder } from './build.ts'
import { checkBuild } from './check-build.ts'
import { commandFiles, extraFiles, publishedManifest } from './manifest.ts'
import { choosePackages, publishedPackages, tarballName, type WorkspacePackage, withNeeds } from './workspace.ts'

export interface PackOptions {
  readonly checkout: string
  /** Folder for the tarballs; made when it isn't there. */
  readonly out: string
  /** Names of packages, with or without the scope; none means all. */
  readonly only: readonly string[]
  /** The command that runs Node. */
  readonly node: readonly string[]
  /** The system's folder for temporary files. */
  readonly temporary: string
  /** Gets one line for each finished step. */
  onProgress(line: string): void
}

/** A tarball that was made. */
export interface PackedTarball {
  readonly name: string
  readonly shortName: string
  readonly version: string
  /** Absolute path. */
  readonly path: string
  /** Names of the workspace packages that must be installed with it, at any depth. */
  readonly needs: readonly string[]
}

/** @throws ReleaseError; the out folder holds no half of a tarball then. */
export async function pack(options: PackOptions): Promise<PackedTarball[]> {
  const { checkout, out, node } = options
  const all = publishedPackages(checkout)
  const wanted = choosePackages(all, options.only)
  const built = withNeeds(all, wanted)
  const versions = new Map([...all.values()].map(one => [one.name, one.version]))
  const temporary = mkdtempSync(path.join(options.temporary, 'plimsoll-pack-'))
  try {
    await build({ checkout, temporary, packages: built, node })
    options.onProgress(`built ${built.map(one => one.shortName).join(', ')}`)
    for (const one of wanted) putTogether(one, stageFolder(temporary, one), checkout, versions)
    mkdirSync(out, { recursive: true })
    await npmPack(
      wanted.map(one => stageFolder(temporary, one)),
      out,
    )
    return wanted.map(one => {
      const file = path.join(out, tarballName(one))
      options.onProgress(`${one.name} ${one.version}: ${path.basename(file)}, ${kilobytes(file)} kB`)
      const needs = withNeeds(all, [one])
        .map(other => other.name)
        .filter(name => name !== one.name)
      return { name: one.name, shortName: one.shortName, version: one.version, path: file, needs }
    })
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

function putTogether(
  one: WorkspacePackage,
  stage: string,
  checkout: string,
  versions: ReadonlyMap<string, string>,
): void {
  checkBuild(one.manifest, path.join(stage, 'dist'), path.join(one.folder, 'src'))
  const manifest = publishedManifest(one.manifest, versions)
  writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  for (const file of ['README.md', 'CHANGELOG.md', ...extraFiles(one.manifest)]) {
    const source = path.join(one.folder, file)
    if (existsSync(source)) cpSync(source, path.join(stage, file), { recursive: true })
    else if (file !== 'CHANGELOG.md') {
      throw new ReleaseError('RELEASE_ERR_MANIFEST', `${one.name} has no ${file}, and its tarball should hold it`)
    }
  }
  const license = path.join(one.folder, 'LICENSE')
  cpSync(existsSync(license) ? license : path.join(checkout, 'LICENSE'), path.join(stage, 'LICENSE'))
  for (const file of commandFiles(one.manifest)) makeExecutable(path.join(stage, file))
  if (!filesBelow(path.join(stage, 'dist')).includes('index.js')) {
    throw new ReleaseError('RELEASE_ERR_MANIFEST', `${one.name} has no src/index.ts, the public entry of a package`)
  }
}

function makeExecutable(file: string): void {
  const text = readFileSync(file, 'utf8')
  if (!text.startsWith('#!')) writeFileSync(file, `#!/usr/bin/env node\n${text}`)
  chmodSync(file, 0o755)
}

function npmPack(folders: readonly string[], out: string): Promise<void> {
  const args = ['pack', ...folders, '--pack-destination', out, '--ignore-scripts', '--loglevel=error', '--silent']
  return new Promise((resolve, reject) => {
    execFile('npm', args, { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (!error) resolve()
      else {
        const message = `npm pack failed: ${`${stderr}${stdout}`.trim() || error.message}`
        reject(new ReleaseError('RELEASE_ERR_NPM', message, { cause: error }))
      }
    })
  })
}

function kilobytes(file: string): string {
  return (statSync(file).size / 1000).toFixed(1)
}
