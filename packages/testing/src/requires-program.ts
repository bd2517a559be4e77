// Tests that need a program which isn't a dependency: skipped, loudly, where it's missing, and failed in CI, where it has to be installed.
import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import { TestingError } from './errors.ts'
import { readTestEnvironment, type TestEnvironment } from './test-environment.ts'
import type { TestScope } from './test-scope.ts'

/** Servers are often installed here, which isn't on an ordinary user's PATH. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * Path of a program, or undefined after the test was skipped. Call it first in a test, before any assertion:
 * `const nginx = requireProgram(t, 'nginx'); if (nginx === undefined) return`.
 * @throws TESTING_ERR_PROGRAM_MISSING when CI=true.
 */
export function requireProgram(
  t: TestScope,
  name: string,
  environment: TestEnvironment = readTestEnvironment(),
): string | undefined {
  const found = findProgram(name, environment.path)
  if (found !== undefined) return found
  if (environment.inCi) {
    throw new TestingError(
      'TESTING_ERR_PROGRAM_MISSING',
      `"${t.name}" needs ${name}, which isn't installed. CI installs every program that a test needs.`,
    )
  }
  process.stderr.write(`*** SKIPPED, ${name} isn't installed: ${t.name}\n`)
  t.plan(0, `${name} isn't installed`)
  return undefined
}

/** First executable file of that name on the path. */
export function findProgram(name: string, searchPath: string): string | undefined {
  for (const folder of [...searchPath.split(path.delimiter), ...SYSTEM_FOLDERS]) {
    if (folder === '') continue
    const file = path.join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Not here.
    }
  }
  return undefined
}
