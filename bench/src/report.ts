// Figures for people: tables in the terminal, and the file that keeps them.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** A column: its heading, and what a row shows in it. Numbers stand on the right, texts on the left. */
export interface Column<Row> {
  readonly heading: string
  readonly align: 'left' | 'right'
  cell(row: Row): string
}

const GAP = '  '

/** The rows under their headings, indented by two spaces, each line ended. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map(column => column.heading), ...rows.map(row => columns.map(column => column.cell(row)))]
  const widths = columns.map((_, i) => Math.max(...lines.map(line => displayWidth(line[i] ?? ''))))
  return lines
    .map(line => {
      const cells = columns.map((column, i) => {
        const cell = line[i] ?? ''
        const fill = ' '.repeat((widths[i] ?? 0) - displayWidth(cell))
        return column.align === 'right' ? fill + cell : cell + fill
      })
      return `${GAP}${cells.join(GAP)}`.trimEnd()
    })
    .map(line => `${line}\n`)
    .join('')
}

/** Thousands apart, with so many decimals: 12,345.6. */
export function number(value: number, decimals = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

/** A ratio as a percentage without decimals: 0.123 → "12 %". */
export function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}

/** Writes `<folder>/<name>-<time>.json` and gives its path; an ISO time with hyphens, so that names sort by time. */
export function saveJson(folder: string, name: string, now: Date, content: object): string {
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `${name}-${now.toISOString().replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
  return file
}

/** Tables hold no characters outside the basic plane, so a unit is a character. */
function displayWidth(text: string): number {
  return text.length
}
