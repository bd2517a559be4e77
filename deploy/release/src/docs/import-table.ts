// The table of allowed imports as the README shows it, read from the lint configuration, which is what enforces it.
import { ReleaseError } from '../errors.ts'

/** One row: these folders may import these packages. */
export interface ImportRow {
  readonly folders: readonly string[]
  /** Names without the scope; empty when they import no other package. */
  readonly packages: readonly string[]
  /** True when the folders may not import the pipeline and the composition root either. */
  readonly stage: boolean
}

interface LintOverride {
  readonly files: readonly string[]
  readonly rules?: Readonly<Record<string, unknown>>
}
interface ImportPattern {
  /** Absent where the pattern is a regular expression. */
  readonly group?: readonly string[]
}

const SCOPE = '@plimsoll/'
const ANY_OF_OURS = `${SCOPE}*`

/**
 * Reads the rows of an `.oxlintrc.json`; rows for tests are left out, because each follows from its folder's by one rule.
 * @throws ReleaseError RELEASE_ERR_IMPORT_TABLE for an import rule of a shape that isn't understood: a table that leaves one out would lie.
 */
export function readImportTable(lintConfiguration: string): ImportRow[] {
  const { overrides = [] } = JSON.parse(lintConfiguration) as { overrides?: LintOverride[] }
  return overrides.flatMap(({ files, rules }) => {
    const rule = rules?.['no-restricted-imports']
    if (rule === undefined || files.every(file => file.endsWith('/test/**'))) return []
    const patterns = patternsOf(rule, files)
    const allowed = patterns.find(({ group }) => group?.[0] === ANY_OF_OURS)?.group
    if (!allowed) throw notUnderstood(files, `no pattern begins with "${ANY_OF_OURS}"`)
    const packages = allowed.slice(1).map(entry => {
      if (!entry.startsWith(`!${SCOPE}`)) throw notUnderstood(files, `"${entry}" allows nothing`)
      return entry.slice(SCOPE.length + 1)
    })
    const folders = files.map(file => {
      if (!file.endsWith('/**')) throw notUnderstood(files, `"${file}" is no whole folder`)
      return file.slice(0, -'/**'.length)
    })
    return [{ folders, packages, stage: patterns.some(({ group }) => group?.includes('**/proxy.ts') ?? false) }]
  })
}

/** The rows as a Markdown table. Stages that share a parent folder are written as one name. */
export function renderImportTable(rows: readonly ImportRow[]): string {
  const lines = rows.map(row => {
    const packages = row.packages.map(name => `\`${name}\``).join(', ')
    const note = row.stage ? '; never the pipeline, the composition root or `main.ts`' : ''
    return `| ${shortened(row.folders)} | ${packages || 'no other package'}${note} |`
  })
  return ['| folder | may import, each by its public entry only |', '| --- | --- |', ...lines].join('\n')
}

function shortened(folders: readonly string[]): string {
  const parents = new Map<string, string[]>()
  for (const folder of folders) {
    const slash = folder.lastIndexOf('/')
    const parent = folder.slice(0, slash + 1)
    parents.set(parent, [...(parents.get(parent) ?? []), folder.slice(slash + 1)])
  }
  return [...parents]
    .map(([parent, names]) => (names.length === 1 ? `\`${parent}${names[0]}\`` : `\`${parent}{${names.join(', ')}}\``))
    .join(', ')
}

function patternsOf(rule: unknown, files: readonly string[]): readonly ImportPattern[] {
  const [severity, options] = Array.isArray(rule) ? (rule as unknown[]) : []
  const patterns = (options as { patterns?: ImportPattern[] } | undefined)?.patterns
  if (!patterns || severity !== 'error') throw notUnderstood(files, 'the rule is not ["error", { patterns }]')
  return patterns
}

function notUnderstood(files: readonly string[], why: string): ReleaseError {
  return new ReleaseError(
    'RELEASE_ERR_IMPORT_TABLE',
    `.oxlintrc.json, the override for ${files.join(', ')}: ${why}. Write it like the others, or teach deploy/release/src/docs/import-table.ts the new shape`,
  )
}
