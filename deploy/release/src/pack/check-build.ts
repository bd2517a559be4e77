// Two mistakes that the workspace hides and a user would meet: an import that resolves only because npm hoists, and a path to a
// TypeScript file that has become JavaScript.
import { existsSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import { ReleaseError } from '../errors.ts'
import { filesBelow } from './build.ts'
import type { Manifest } from './manifest.ts'

// The compiler's output has one shape: a statement's specifier follows `from` or `import` on the same line.
const STATIC_IMPORT = /^(?:import|export|\}).*?\bfrom ['"]([^'"]+)['"]|^import ['"]([^'"]+)['"]/
const IMPORT_CALL = /\bimport\(['"]([^'"]+)['"]\)/g
const TYPESCRIPT_PATH = /['"`]((?:\.{1,2}\/)?[\w./-]+\.ts)['"`]/g

/**
 * Looks through a package's build.
 * @param dist - where it was built.
 * @param source - the folder of its sources.
 * @throws ReleaseError RELEASE_ERR_UNDECLARED_DEPENDENCY or RELEASE_ERR_SOURCE_PATH
 */
export function checkBuild(manifest: Manifest, dist: string, source: string): void {
  const declared = new Set([
    manifest.name,
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}),
    ...Object.keys(manifest.optionalDependencies ?? {}),
  ])
  for (const file of filesBelow(dist)) {
    if (!/\.(?:js|d\.ts)$/.test(file)) continue
    const lines = withoutComments(readFileSync(path.join(dist, file), 'utf8'))
    for (const specifier of lines.flatMap(specifiersOf)) {
      const name = packageName(specifier)
      if (name === null || declared.has(name)) continue
      throw new ReleaseError(
        'RELEASE_ERR_UNDECLARED_DEPENDENCY',
        `${manifest.name} imports ${name} (in src/${file.replace(/\.(?:js|d\.ts)$/, '.ts')}) and its package.json doesn't name it; add it to "dependencies", with the version that the root's lockfile has`,
      )
    }
    for (const match of file.endsWith('.js') ? lines.join('\n').matchAll(TYPESCRIPT_PATH) : []) {
      const named = match[1] ?? ''
      if (named.endsWith('.d.ts') || !existsSync(path.join(source, path.dirname(file), named))) continue
      throw new ReleaseError(
        'RELEASE_ERR_SOURCE_PATH',
        `${manifest.name} names its file "${named}" in a text (in src/${file.replace(/\.js$/, '.ts')}): in the tarball it ends in .js. Take the ending of the file that names it: path.extname(import.meta.filename)`,
      )
    }
  }
}

function specifiersOf(line: string): string[] {
  const statement = STATIC_IMPORT.exec(line)
  const found = [...line.matchAll(IMPORT_CALL)].map(match => match[1] ?? '')
  return statement ? [...found, statement[1] ?? statement[2] ?? ''] : found
}

/** `@scope/name/deep` → `@scope/name`; null for what isn't a package. */
function packageName(specifier: string): string | null {
  if (/^[./#]/.test(specifier) || isBuiltin(specifier) || specifier.includes(':')) return null
  const [first = '', second = ''] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}

/** Lines that are comment from their beginning to their end are left out; the compiler keeps comments on lines of their own. */
function withoutComments(text: string): string[] {
  return text.split('\n').filter(line => !/^\s*(?:\/\/|\/?\*)/.test(line))
}
