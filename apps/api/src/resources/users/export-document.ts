// The export as text: one JSON document, written piece by piece, so that it takes no more memory than a page of rows whatever a user has.
//
// Its pieces are read one after the other while the user may go on: it's no picture of a single moment.
import type { ExportRepository, PersonalRow } from './export-repository.ts'
import { SECTIONS } from './personal-data.ts'

/** Sections of which there is one row at most; they're objects, the others lists. */
const SINGLE = new Set(Object.keys(SECTIONS).filter(name => SECTIONS[name]?.key.length === 0))
const PROFILE = 'profile'

export interface ExportSource {
  readonly repository: ExportRepository
  readonly userId: number
  readonly profile: PersonalRow
  readonly exportedAt: Date
}

/** @throws what the repository throws: then the text isn't whole, and isn't JSON */
export async function* exportDocument(
  { repository, userId, profile, exportedAt }: ExportSource,
  signal?: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  yield `{"exportedAt":${JSON.stringify(exportedAt)},"${PROFILE}":${JSON.stringify(profile)}`
  for (const name of Object.keys(SECTIONS)) {
    if (name === PROFILE) continue
    const isSingle = SINGLE.has(name)
    let hasRows = false
    for await (const rows of repository.pages(name, userId, signal)) {
      const before = hasRows ? ',' : `,"${name}":${isSingle ? '' : '['}`
      hasRows = true
      yield before + rows.map(row => JSON.stringify(row)).join(',')
    }
    if (isSingle) yield hasRows ? '' : `,"${name}":null`
    else yield hasRows ? ']' : `,"${name}":[]`
  }
  yield '}'
}
