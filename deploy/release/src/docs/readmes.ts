// The Markdown files of the project, and the files that they name.
import { existsSync, globSync } from 'node:fs'
import path from 'node:path'

const EVERYWHERE = '**/*.md'
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.plimsoll', '.tap', '.git'])
/** Endings of files that are kept in the repository; `HTTP/1.1` and `application/json` are no files. */
const FILE_NAME = /^(?:\.{1,2}\/)?[\w.@-]+(?:\/[\w.@-]+)+\.(?:[cm]?[jt]s|json|jsonc|md|sql|ya?ml|sh|html|css|service)$/
/** Made at run time, or by a command. */
const MADE_LATER = /^(?:\.\/)?(?:dist|node_modules|\.plimsoll|coverage|bench\/results|results)\//

/** Paths relative to the checkout. */
export function markdownFiles(checkout: string): string[] {
  return globSync(EVERYWHERE, { cwd: checkout, exclude: name => SKIPPED.has(path.basename(name)) })
    .map(file => file.replaceAll(path.sep, '/'))
    .toSorted()
}

/** The names of files in a text: what stands in backticks, has a slash and one of our endings, and isn't made at run time. */
export function namedFiles(text: string): string[] {
  const code = text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)
  const names = Array.from(code, match => match[1] ?? '')
  return [...new Set(names.filter(name => FILE_NAME.test(name) && !MADE_LATER.test(name)))]
}

/** True when the file exists below the checkout or below the folder of the text that names it. */
export function isThere(checkout: string, markdownFile: string, name: string): boolean {
  return [checkout, path.join(checkout, path.dirname(markdownFile))].some(folder => existsSync(path.join(folder, name)))
}
