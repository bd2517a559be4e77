// Reads of all that's kept about a user, page by page: SQL, and nothing else. No connection is held between two pages, so a client that reads slowly costs none.
import type { Database } from '../../database/database.ts'
import { statementsOf } from './export-statements.ts'
import { columnOf, SECTIONS, type Section } from './personal-data.ts'

/** A row, by the fields of its section; times are Dates. */
export type PersonalRow = Readonly<Record<string, unknown>>

export interface ExportRepository {
  /** The rows of a section, oldest owner first, in pages of bounded size. */
  pages(section: string, userId: number, signal?: AbortSignal): AsyncIterable<readonly PersonalRow[]>
}

export function createExportRepository(database: Database): ExportRepository {
  const statements = new Map(Object.entries(SECTIONS).map(([name, section]) => [name, statementsOf(section)]))

  const read = (text: string, parameters: readonly (number | Date)[], signal: AbortSignal | undefined) =>
    database.read('users.export', database.sql.unsafe<PersonalRow[]>(text, [...parameters]), signal)

  return {
    async *pages(name, userId, signal) {
      const section = SECTIONS[name]
      const texts = statements.get(name)
      if (section === undefined || texts === undefined) throw new RangeError(`There is no section ${name}.`)
      const { first, next, later } = texts
      let rows = later === undefined ? await read(first, [userId], signal) : await read(later, [userId, 0], signal)
      for (let last = rows.at(-1); last !== undefined; last = rows.at(-1)) {
        yield rows
        if (next === undefined) return
        const ownerId = later === undefined ? userId : ownerOf(section, last)
        rows = await read(next, [ownerId, ...keyOf(section, last)], signal)
        if (rows.length === 0 && later !== undefined) rows = await read(later, [userId, ownerId], signal)
      }
    },
  }
}

function keyOf(section: Section, row: PersonalRow): (number | Date)[] {
  return section.key.map(field => row[field] as number | Date)
}

function ownerOf(section: Section, row: PersonalRow): number {
  const field = Object.keys(section.fields).find(name => columnOf(name) === section.owner)
  if (field === undefined) throw new TypeError(`The rows of ${section.table} don't say whose they are.`)
  return row[field] as number
}
