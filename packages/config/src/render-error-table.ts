// The table of error codes of a README, made from a package's errors.ts.
import type { ErrorTable } from './errors.ts'
import { code, markdownTable } from './markdown-table.ts'

/** Renders a Markdown table: code, status and source where any code has them, meaning, remedy. In the order of the table. */
export function renderErrorTable(codes: ErrorTable): string {
  const rows = Object.entries(codes)
  const hasStatus = rows.some(([, row]) => row.status !== undefined)
  const hasSource = rows.some(([, row]) => row.source !== undefined)
  const pick = (name: string, status: string, source: string, message: string, remedy: string) => [
    name,
    ...(hasStatus ? [status] : []),
    ...(hasSource ? [source] : []),
    message,
    remedy,
  ]
  return markdownTable(
    pick('code', 'status', 'source', 'meaning', 'remedy'),
    rows.map(([name, { status, source, message, remedy }]) =>
      pick(code(name), status === undefined ? '' : String(status), source ?? '', message, remedy ?? ''),
    ),
  )
}
