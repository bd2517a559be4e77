// Agreements and investments.
//
// * Agreements are made about pitches that ask for one, and only once by each user.
// * Who invests in such a pitch has signed before.
// Cases: agreements that wait, that were declined, and that were revoked after they had been signed; amounts with cents.
import { DAY_MS, HOUR_MS, NOW_MS, between, moment, time } from './calendar.ts'
import { words, type DemoTable } from './demo-table.ts'
import type { People } from './people.ts'
import { pickExisting, type PlannedPitch } from './pitch-plan.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface Deals {
  readonly tables: readonly DemoTable[]
  /** Investments that were accepted, oldest first. */
  readonly accepted: readonly { readonly investor: number; readonly ms: number }[]
}

interface Agreement {
  readonly pitch: PlannedPitch
  readonly user: number
  readonly status: string
  readonly createdMs: number
  readonly signedMs: number | null
}

interface Investment {
  readonly pitch: PlannedPitch
  readonly investor: number
  readonly status: string
  readonly amount: string
  readonly ms: number
  readonly updatedMs: number
}

/** Begins two months after the first pitch, so that there is something to agree about. */
const SPAN = { fromMs: NOW_MS - 670 * DAY_MS, toMs: NOW_MS - HOUR_MS }
const AGREEMENT_STATUSES = words('signed signed signed signed signed signed signed pending pending declined revoked')
const INVESTMENT_STATUSES = words('offered offered accepted accepted declined paid paid')

export function createDeals(size: DemoSize, totals: Totals, people: People, visible: readonly PlannedPitch[]): Deals {
  const agreements = planAgreements(totals.ndas, visible, people, createRandom(`${size} ndas`))
  const investments = planInvestments(totals.investments, visible, agreements, people, size)
  return {
    tables: [
      {
        name: 'ndas',
        columns: words('id pitch_id user_id status signed_at created_at'),
        total: agreements.length,
        rows: () =>
          agreements.map(({ pitch, user, status, createdMs, signedMs }, index) => {
            return [index + 1, pitch.id, user, status, signedMs === null ? null : time(signedMs), time(createdMs)]
          }),
      },
      {
        name: 'investments',
        columns: words('id pitch_id investor_id amount currency status created_at updated_at'),
        total: investments.length,
        rows: () =>
          investments.map(({ pitch, investor, status, amount, ms, updatedMs }, index) => {
            return [index + 1, pitch.id, investor, amount, pitch.currency, status, time(ms), time(updatedMs)]
          }),
      },
    ],
    accepted: investments.filter(({ status }) => status === 'accepted' || status === 'paid'),
  }
}

/** In the order of their times. */
function planAgreements(
  total: number,
  visible: readonly PlannedPitch[],
  { active, investors }: People,
  random: Random,
): readonly Agreement[] {
  const pitches = visible.filter(({ visibility }) => visibility === 'nda')
  const taken = new Map<number, Set<number>>()
  const agreements: Agreement[] = []
  while (agreements.length < total) {
    const createdMs = moment(agreements.length, total, SPAN, random)
    const pitch = pickExisting(pitches, createdMs, random)
    const user = random.pickEarly(random.chance(0.8) ? investors : active)
    const users = taken.get(pitch.id) ?? new Set<number>()
    if (user === pitch.founder || users.has(user)) continue
    taken.set(pitch.id, users.add(user))
    const status = random.pick(AGREEMENT_STATUSES)
    const isSigned = status === 'signed' || status === 'revoked'
    const latestMs = Math.min(NOW_MS, createdMs + 10 * DAY_MS)
    agreements.push({
      pitch,
      user,
      status,
      createdMs,
      signedMs: isSigned ? between(createdMs, latestMs, random) : null,
    })
  }
  return agreements
}

/** In the order of their times; up to one in three by somebody who had to sign first. */
function planInvestments(
  total: number,
  visible: readonly PlannedPitch[],
  agreements: readonly Agreement[],
  { investors }: People,
  size: DemoSize,
): readonly Investment[] {
  const random = createRandom(`${size} investments`)
  const open = visible.filter(({ visibility }) => visibility === 'public')
  const signed = agreements.flatMap(({ pitch, user, status, signedMs }) =>
    status === 'signed' && signedMs !== null ? [{ pitch, user, signedMs }] : [],
  )
  const investments: Investment[] = []
  while (investments.length < total) {
    const index = investments.length
    const ms = moment(index, total, SPAN, random)
    const agreement = random.pick(signed)
    const { pitch, investor } =
      index % 3 === 0 && agreement.signedMs <= ms
        ? { pitch: agreement.pitch, investor: agreement.user }
        : { pitch: pickExisting(open, ms, random), investor: random.pickEarly(investors) }
    if (investor === pitch.founder) continue
    const status = random.pick(INVESTMENT_STATUSES)
    const amount = `${random.integer(1, 500) * 500}.${random.pick(['00', '00', '00', '25'])}`
    const updatedMs = status === 'offered' ? ms : between(ms, Math.min(NOW_MS, ms + 14 * DAY_MS), random)
    investments.push({ pitch, investor, status, amount, ms, updatedMs })
  }
  return investments
}
