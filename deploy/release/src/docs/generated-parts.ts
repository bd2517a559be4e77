// What in the documentation is generated, and from what. One row per part; a new table is a new row and a pair of markers in its README.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { API_ERRORS, clusterSchema, databaseCommandSchema, SETUP_ERRORS } from '@plimsoll/api'
import { BALANCER_ERRORS, balancerProgram } from '@plimsoll/balancer'
import { CACHE_ERRORS } from '@plimsoll/cache'
import { CONFIG_ERRORS, type ErrorTable, renderErrorTable, renderOptionTable, toJsonSchema } from '@plimsoll/config'
import { DB_ERRORS } from '@plimsoll/db-optimizer'
import { MIGRATION_ERRORS } from '@plimsoll/db-optimizer/migrations'
import { LOCAL_POSTGRES_ERRORS } from '@plimsoll/local-postgres'
import { LOAD_REPORT_ERRORS } from '@plimsoll/load-report'
import { MEMORY_ERRORS } from '@plimsoll/memory-optimizer'
import { RATE_LIMIT_ERRORS } from '@plimsoll/rate-limit'
import { readImportTable, renderImportTable } from './import-table.ts'

/** A table between markers of a Markdown file, or (marker null) a whole file. */
export interface GeneratedPart {
  /** Relative to the checkout. */
  readonly file: string
  /** It stands between `<!-- MARKER:start -->` and `<!-- MARKER:end -->`. */
  readonly marker: string | null
  readonly render: (checkout: string) => string
}

export const GENERATED_PARTS: readonly GeneratedPart[] = [
  { file: 'README.md', marker: 'imports', render: imports },
  { file: 'apps/balancer/README.md', marker: 'options', render: () => renderOptionTable(balancerProgram.schema) },
  { file: 'apps/balancer/README.md', marker: 'errors', render: () => renderErrorTable(BALANCER_ERRORS) },
  { file: 'apps/balancer/config.schema.json', marker: null, render: () => json(toJsonSchema(balancerProgram.schema)) },
  { file: 'apps/api/README.md', marker: 'options', render: () => renderOptionTable(clusterSchema) },
  { file: 'apps/api/README.md', marker: 'database-options', render: () => renderOptionTable(databaseCommandSchema) },
  { file: 'apps/api/README.md', marker: 'errors', render: () => renderErrorTable(API_ERRORS) },
  { file: 'apps/api/README.md', marker: 'setup-errors', render: () => renderErrorTable(SETUP_ERRORS) },
  { file: 'packages/cache/README.md', marker: 'errors', render: () => renderErrorTable(CACHE_ERRORS) },
  { file: 'packages/config/README.md', marker: 'errors', render: () => renderErrorTable(CONFIG_ERRORS) },
  { file: 'packages/db-optimizer/README.md', marker: 'errors', render: () => renderErrorTable(DB_ERRORS) },
  {
    file: 'packages/db-optimizer/README.md',
    marker: 'migration-errors',
    render: () => renderErrorTable(MIGRATION_ERRORS),
  },
  { file: 'packages/load-report/README.md', marker: 'errors', render: () => sentences(LOAD_REPORT_ERRORS) },
  { file: 'packages/memory-optimizer/README.md', marker: 'errors', render: () => renderErrorTable(MEMORY_ERRORS) },
  { file: 'packages/rate-limit/README.md', marker: 'errors', render: () => sentences(RATE_LIMIT_ERRORS) },
  { file: 'packages/local-postgres/README.md', marker: 'errors', render: () => sentences(LOCAL_POSTGRES_ERRORS) },
]

function imports(checkout: string): string {
  return renderImportTable(readImportTable(readFileSync(path.join(checkout, '.oxlintrc.json'), 'utf8')))
}

/** A table of codes that have a sentence each, and nothing else. */
function sentences(codes: Readonly<Record<string, string>>): string {
  const rows: ErrorTable = Object.fromEntries(Object.entries(codes).map(([code, message]) => [code, { message }]))
  return renderErrorTable(rows)
}

function json(value: object): string {
  return JSON.stringify(value, null, 2)
}
