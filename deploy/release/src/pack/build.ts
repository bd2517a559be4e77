// JavaScript and type declarations of the packages, by one run of the TypeScript compiler.
//
// Each package is a project of its own that references the projects it needs (`tsc -b`): it's compiled against their declarations, as a
// user's code will be, and only its own files are emitted. A package that reaches into another's sources doesn't build.
//
// The target is what Node runs from source in the workspace: the emitted code is the source without its types, nothing is rewritten.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ReleaseError } from '../errors.ts'
import type { WorkspacePackage } from './workspace.ts'

export interface BuildOptions {
  readonly checkout: string
  /** An empty folder outside the checkout. */
  readonly temporary: string
  /** In build order, with everything that they need. */
  readonly packages: readonly WorkspacePackage[]
  /** The command that runs Node. */
  readonly node: readonly string[]
}

/** Where a package is put together: `dist` holds its build, the rest is added for the tarball. */
export function stageFolder(temporary: string, one: WorkspacePackage): string {
  return path.join(temporary, one.shortName, 'package')
}

/**
 * Builds into `<temporary>/<name>/package/dist`.
 * @throws ReleaseError RELEASE_ERR_TYPES with what the compiler said; files are named relative to the checkout.
 */
export async function build({ checkout, temporary, packages, node }: BuildOptions): Promise<void> {
  for (const one of packages) {
    writeProject(path.join(temporary, one.shortName), {
      extends: path.join(checkout, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        noEmitOnError: true,
        composite: true,
        incremental: true,
        declaration: true,
        target: 'esnext',
        rootDir: path.join(one.folder, 'src'),
        outDir: path.join(stageFolder(temporary, one), 'dist'),
        tsBuildInfoFile: path.join(temporary, one.shortName, 'build.tsbuildinfo'),
        typeRoots: [path.join(checkout, 'node_modules/@types')],
      },
      include: [path.join(one.folder, 'src')],
      references: packages
        .filter(other => one.needs.includes(other.name))
        .map(other => ({ path: path.join(temporary, other.shortName) })),
    })
  }
  writeProject(temporary, {
    files: [],
    references: packages.map(one => ({ path: path.join(temporary, one.shortName) })),
  })
  await compile(checkout, temporary, node)
  for (const one of packages) {
    const dist = path.join(stageFolder(temporary, one), 'dist')
    copyAssets(path.join(one.folder, 'src'), dist)
    for (const file of filesBelow(dist))
      if (file.endsWith('.d.ts')) pointDeclarationsAtJavaScript(path.join(dist, file))
  }
}

/** Paths relative to the folder, with forward slashes, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .toSorted()
}

function writeProject(folder: string, project: object): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(project, null, 2))
}

function compile(checkout: string, project: string, node: readonly string[]): Promise<void> {
  const tsc = path.join(checkout, 'node_modules/typescript/bin/tsc')
  const [file, ...args] = [...node, tsc, '-b', project, '--pretty', 'false']
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd: checkout, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (!error) resolve()
      else {
        const said = `${stdout}${stderr}`.trim()
        const message = `The TypeScript compiler refused the sources; \`npm run check\` says the same:\n${said || error.message}`
        reject(new ReleaseError('RELEASE_ERR_TYPES', message, { cause: error }))
      }
    })
  })
}

/** Everything in src that the compiler doesn't emit: SQL, JSON, ambient declarations. */
function copyAssets(source: string, dist: string): void {
  for (const file of filesBelow(source)) {
    if (/\.[cm]?ts$/.test(file) && !/\.d\.[cm]?ts$/.test(file)) continue
    const target = path.join(dist, file)
    mkdirSync(path.dirname(target), { recursive: true })
    copyFileSync(path.join(source, file), target)
  }
}

/** The compiler rewrites `./x.ts` to `./x.js` in JavaScript and leaves it in declarations, where not every tool understands it. */
function pointDeclarationsAtJavaScript(file: string): void {
  const text = readFileSync(file, 'utf8')
  const rewritten = text.replace(
    /((?:\bfrom|\bimport)\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+?)(?<!\.d)\.ts\2/g,
    (_, before: string, quote: string, target: string) => `${before}${quote}${target}.js${quote}`,
  )
  if (rewritten !== text) writeFileSync(file, rewritten)
}
