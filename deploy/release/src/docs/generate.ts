// Puts the generated parts where they belong, and tells what differs from what's there.
//
// Invariants
// * Outside the markers nothing changes but what the formatter would change too: `npm run docs` and `npm run format` agree.
// * Markers that no row fills are an error: a table that looks generated and isn't would go stale unseen.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { replaceMarked } from '@plimsoll/config'
import { type FormatConfig, format } from 'oxfmt'
import { ReleaseError } from '../errors.ts'
import type { GeneratedPart } from './generated-parts.ts'

/** On a line of its own; a mention inside a sentence is none. */
const START_MARKER = /^<!-- ([\w-]+):start -->$/gm

/** A file with generated parts. */
export interface GeneratedFile {
  /** Relative to the checkout. */
  readonly file: string
  /** What's in it; null when it isn't there. */
  readonly present: string | null
  /** What should be in it; null when that can't be said. */
  readonly wanted: string | null
  /** Why not, and what to do; null otherwise. */
  readonly problem: string | null
}

/** Renders every part, changing nothing. */
export async function generate(checkout: string, parts: readonly GeneratedPart[]): Promise<GeneratedFile[]> {
  const files = Map.groupBy(parts, part => part.file)
  // Its API doesn't look for the file that its command finds.
  const style = JSON.parse(readFileSync(path.join(checkout, '.oxfmtrc.json'), 'utf8')) as FormatConfig
  return Promise.all(
    Array.from(files, async ([file, partsOfFile]) => {
      const absolute = path.join(checkout, file)
      const present = existsSync(absolute) ? readFileSync(absolute, 'utf8') : null
      try {
        const filled = partsOfFile.reduce((text, part) => fill(text, part, checkout), present)
        const { code: wanted, errors } = await format(absolute, filled ?? '', style)
        if (errors[0]) throw new ReleaseError('RELEASE_ERR_DOCS', errors[0].message)
        return { file, present, wanted, problem: null }
      } catch (error) {
        return { file, present, wanted: null, problem: `${file}: ${(error as Error).message}` }
      }
    }),
  )
}

function fill(text: string | null, { marker, render }: GeneratedPart, checkout: string): string {
  if (marker === null) return render(checkout)
  if (text !== null) return replaceMarked(text, marker, render(checkout))
  throw new ReleaseError('RELEASE_ERR_DOCS', `it isn't there; write it, with markers for its table "${marker}"`)
}

/** Markers in Markdown files that no part fills: `apps/x/README.md: options`. */
export function unfilledMarkers(checkout: string, files: readonly string[], parts: readonly GeneratedPart[]): string[] {
  return files.flatMap(file => {
    const text = readFileSync(path.join(checkout, file), 'utf8')
    const markers = Array.from(text.matchAll(START_MARKER), match => match[1])
    return markers
      .filter(marker => !parts.some(part => part.file === file && part.marker === marker))
      .map(marker => `${file}: ${marker}`)
  })
}
