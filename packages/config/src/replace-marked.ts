// Generated parts of a README stand between two comments; this puts a new body between them.
//
//   <!-- options:start -->
//   ...
//   <!-- options:end -->
import { ConfigError } from './errors.ts'

/**
 * The text with `body` between the markers of `name`; everything else is as it was.
 * @throws ConfigError CONFIG_ERR_MARKER_MISSING unless the text has each marker exactly once, start before end
 */
export function replaceMarked(text: string, name: string, body: string): string {
  const markers = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`] as const
  for (const marker of markers) {
    const count = text.split(marker).length - 1
    if (count === 1) continue
    throw markerError(`the marker ${marker} stands ${count === 0 ? 'nowhere' : `${count} times`}; put it there once`)
  }
  const [start, end] = markers
  const from = text.indexOf(start) + start.length
  const to = text.indexOf(end)
  if (to < from) throw markerError(`the marker ${end} stands before ${start}; swap them`)
  return `${text.slice(0, from)}\n\n${body.trim()}\n\n${text.slice(to)}`
}

function markerError(message: string): ConfigError {
  return new ConfigError([{ code: 'CONFIG_ERR_MARKER_MISSING', path: '', source: 'schema', message }])
}
