// Which test files run in one process, and the program that runs them: a process of its own costs a third of a second of processor time before its first test, and
// a third of all files need nothing that a neighbour could see.
//
// Such a file, and what it imports from test folders, names no module that starts, listens or measures the whole process, gives no test more time, leaves nothing to be
// taken down at the end, and takes from @plimsoll/testing only what lives in memory. So nothing of one is left for the next but loaded modules, which a process would load anyway.
// Files of one package come together, so that those modules are the same.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Longer programs would be the last to end while other cores have nothing to do. */
const MOST_FILES = 24

const HARMLESS_MODULES =
  /^(?:tap|fast-check|node:(?:assert|buffer|crypto|events|fs|fs\/promises|os|path|stream|string_decoder|timers\/promises|url|util))$/
const HARMLESS_HELPERS: ReadonlySet<string> = new Set([
  'FakeClock',
  'FakeTimer',
  'SeededRandom',
  'TestScope',
  'seededRandom',
  'until',
])
const WHOLE_PROCESS = /\bprocess\.(?!platform|arch|versions?\b|pid\b)|\bt\.setTimeout\b|\bprocess\)|\bglobalThis\b/
/** What's taken down at the end of the process: with other files behind it that's too late, and tap ends the tests when nothing is under way between two files. */
const UNTIL_THE_END =
  /^t\.(?:teardown|before|after|beforeEach|afterEach|end|plan|bailout|only|jobs)\b|^[^\s/*].*\(t[,)]/m
const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^'"\n;]|\n)*?['"]([^'"\n]+)['"]/g
const NAMES_OF_TESTING = /import\s+(?:type\s+)?\{([^}]*)\}\s+from\s+'@plimsoll\/testing'/g

/**
 * Puts files that may share a process into programs that import one after the other; the rest stays as it is.
 * @param folder for the programs; made when it's missing
 * @param root of the checkout, by which files are known to packages
 */
export function runTogether(files: readonly string[], folder: string, root: string): string[] {
  const seen = new Map<string, boolean>()
  const alone: string[] = []
  const byPackage = new Map<string, string[]>()
  for (const file of files) {
    if (!isHarmless(path.resolve(root, file), seen)) {
      alone.push(file)
      continue
    }
    const name = path.relative(root, path.resolve(root, file)).split(path.sep).slice(0, 2).join('-')
    byPackage.set(name, [...(byPackage.get(name) ?? []), file])
  }
  const programs = [...byPackage].flatMap(([name, together]) =>
    inParts(together).map(part => {
      const [only] = part
      return part.length === 1 && only !== undefined ? only : writeProgram(folder, name, part, root)
    }),
  )
  // What takes longest comes first.
  return [...programs, ...alone]
}

function inParts(files: readonly string[]): string[][] {
  const parts = Math.ceil(files.length / MOST_FILES)
  return Array.from({ length: parts }, (_, i) => files.filter((_file, j) => j % parts === i))
}

function writeProgram(folder: string, name: string, files: readonly string[], root: string): string {
  const specifiers = files.map(file => JSON.stringify(path.resolve(root, file)))
  const text = [
    "import t from 'tap'",
    // Whatever ends the tests early would silence the files behind it.
    'let isThrough = false',
    "process.on('exit', () => {",
    '  if (!isThrough) process.exitCode = 1',
    '})',
    `for (const file of [${specifiers.join(', ')}]) {`,
    '  t.comment(file)',
    '  await import(file)',
    '  if (t.results !== undefined) throw new Error(`the tests have ended with ${file}`)',
    '}',
    'isThrough = true',
    '',
  ].join('\n')
  mkdirSync(folder, { recursive: true })
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8)
  const file = path.join(folder, `${name}.${files.length}-files.${hash}.mjs`)
  if (!existsSync(file)) writeFileSync(file, text)
  return file
}

function isHarmless(file: string, seen: Map<string, boolean>): boolean {
  const known = seen.get(file)
  if (known !== undefined) return known
  // A cycle of helpers is as harmless as what's outside of it.
  seen.set(file, true)
  const harmless = looksHarmless(file, seen)
  seen.set(file, harmless)
  return harmless
}

function looksHarmless(file: string, seen: Map<string, boolean>): boolean {
  const text = readFileSync(file, 'utf8')
  if (WHOLE_PROCESS.test(text) || UNTIL_THE_END.test(text)) return false
  // What isn't seen here isn't known to be harmless.
  if (/\bimport\(|\brequire\(|import\s+\*\s+as/.test(text)) return false
  for (const [, names = ''] of text.matchAll(NAMES_OF_TESTING))
    for (const name of names.split(',')) {
      const plain = name.replace(/^\s*type\s+/, '').trim()
      if (plain !== '' && !HARMLESS_HELPERS.has(plain)) return false
    }
  for (const [, specifier = ''] of text.matchAll(IMPORT)) {
    if (specifier.startsWith('.')) {
      const target = path.resolve(path.dirname(file), specifier)
      // Sources don't start anything when they're loaded: that's a rule of the house. Only tests decide to.
      if (target.split(path.sep).includes('test') && target.endsWith('.ts') && !isHarmless(target, seen)) return false
    } else if (specifier.startsWith('node:') || !specifier.startsWith('@plimsoll/')) {
      if (!HARMLESS_MODULES.test(specifier)) return false
    }
  }
  return true
}
