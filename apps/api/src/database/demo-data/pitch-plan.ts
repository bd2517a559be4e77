// Which pitches there are: whose, since when, and who may see them.
import { CATALOGUE_DAYS, DAY_MS, HOUR_MS, NOW_MS, moment } from './calendar.ts'
import { words } from './demo-table.ts'
import type { People } from './people.ts'
import type { Random } from './random.ts'

export interface PlannedPitch {
  readonly id: number
  readonly founder: number
  readonly status: 'draft' | 'active' | 'closed'
  readonly visibility: 'public' | 'nda' | 'private'
  readonly currency: string
  readonly createdMs: number
}

const SPAN = { fromMs: NOW_MS - CATALOGUE_DAYS * DAY_MS, toMs: NOW_MS - HOUR_MS }
const ONE_TWIN_IN = 15
const STATUSES = words('active active active active active active active draft draft closed')
const VISIBILITIES = words('public public public public public public nda nda nda private')
const CURRENCIES = words('EUR EUR EUR EUR EUR USD GBP CHF')
/** Of the pitches that exist at a time, how many are new. */
const NEWEST_SHARE = 0.05

/** In the order of their times. */
export function* planPitches(total: number, { founders }: People, random: Random): Iterable<PlannedPitch> {
  let createdMs = 0
  for (let id = 1; id <= total; id += 1) {
    const nextMs = moment(id - 1, total, SPAN, random)
    if (id % ONE_TWIN_IN !== 0) createdMs = nextMs
    yield {
      id,
      founder: random.pickEarly(founders),
      status: random.pick(STATUSES) as PlannedPitch['status'],
      visibility: random.pick(VISIBILITIES) as PlannedPitch['visibility'],
      currency: random.pick(CURRENCIES),
      createdMs,
    }
  }
}

/** One of the pitches that exist at that time: every second time one of the newest, else any, of older ones more often. */
export function pickExisting(pitches: readonly PlannedPitch[], atMs: number, random: Random): PlannedPitch {
  const count = countBefore(pitches, atMs)
  const place = random.next()
  const index = random.chance(0.5)
    ? count - 1 - Math.floor(place * Math.ceil(count * NEWEST_SHARE))
    : Math.floor(place * place * count)
  const pitch = pitches[index]
  if (pitch === undefined) throw new RangeError('No pitch exists yet at that time.')
  return pitch
}

/** How many were created by then; they're in the order of their times. */
function countBefore(pitches: readonly PlannedPitch[], atMs: number): number {
  let low = 0
  let high = pitches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((pitches[middle]?.createdMs ?? Infinity) <= atMs) low = middle + 1
    else high = middle
  }
  return low
}
