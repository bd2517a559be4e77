// Markdown tables as the formatter leaves them, so that a generated README stays formatted and `git diff` after generating it is empty.

/** Marks a cell's text as code. */
export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

/** Renders rows below a header, columns aligned. Texts are Markdown already; only what would break the table is escaped. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map(row => row.map(cellText))
  const widths = header.map((_, column) => Math.max(3, ...cells.map(row => width(row[column] ?? ''))))
  const line = (row: readonly string[]) =>
    `| ${widths.map((columnWidth, column) => pad(row[column] ?? '', columnWidth)).join(' | ')} |`
  const [first = [], ...others] = cells
  return [
    line(first),
    `| ${widths.map(columnWidth => '-'.repeat(columnWidth)).join(' | ')} |`,
    ...others.map(line),
  ].join('\n')
}

/** A text on one line; outside of code spans, characters that Markdown would read as markup are escaped. */
function cellText(text: string): string {
  const oneLine = text.replace(/\s+/g, ' ').trim()
  return oneLine
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : escapeMarkup(part)))
    .join('')
    .replaceAll('|', '\\|')
}

function escapeMarkup(text: string): string {
  return text.replace(/[\\*]/g, '\\$&').replaceAll('<', '&lt;')
}

const width = (text: string): number => Array.from(text).length
const pad = (text: string, columns: number): string => text + ' '.repeat(columns - width(text))
