// The demo data's time: fixed, so that no clock is read.

/** Every time lies before this one. */
export const NOW_MS = Date.UTC(2026, 9, 1)
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000
/** For as long the catalogue has been growing; every user is older. */
export const CATALOGUE_DAYS = 730

/** The days that the data has, as text: a full load writes a million times, and Date's own formatting takes longer than all the rest of a row. */
const FIRST_DAY = NOW_MS / DAY_MS - 2 * CATALOGUE_DAYS
const DAYS = Array.from({ length: 2 * CATALOGUE_DAYS + 100 }, (_, index) =>
  new Date((FIRST_DAY + index) * DAY_MS).toISOString().slice(0, 10),
)
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'))

/** ISO 8601 in UTC with milliseconds. */
export function time(ms: number): string {
  const rest = ms % DAY_MS
  const hours = TWO_DIGITS[Math.floor(rest / HOUR_MS)]
  const minutes = TWO_DIGITS[Math.floor((rest % HOUR_MS) / 60_000)]
  const seconds = TWO_DIGITS[Math.floor((rest % 60_000) / 1000)]
  return `${day(ms)}T${hours}:${minutes}:${seconds}.${String(rest % 1000).padStart(3, '0')}Z`
}

/** ISO 8601 in UTC. */
export function day(ms: number): string {
  const text = DAYS[Math.floor(ms / DAY_MS) - FIRST_DAY]
  if (text === undefined) throw new RangeError(`${ms} lies outside of the demo data's time.`)
  return text
}

/** When the event of this index, from 0, takes place: in order, about evenly spread, and before the end. */
export function moment(
  index: number,
  total: number,
  span: { readonly fromMs: number; readonly toMs: number },
  random: { next(): number },
): number {
  return span.fromMs + Math.floor(((index + random.next()) * (span.toMs - span.fromMs)) / total)
}

/** Some time between two others, the first included. */
export function between(fromMs: number, toMs: number, random: { next(): number }): number {
  return fromMs + Math.floor(random.next() * (toMs - fromMs))
}
