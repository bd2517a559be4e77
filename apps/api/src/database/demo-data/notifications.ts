// Notifications; about a quarter is unread, the recent ones mostly.
//
// Cases: somebody with more unread ones than a page holds, very many with none, a title without a text.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { DAY_MS, HOUR_MS, NOW_MS, between, moment, time } from './calendar.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import { personName, type People } from './people.ts'
import { anyTopic, fill } from './phrasing.ts'
import { anyCompany } from './pitch-texts.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

const SPAN = { fromMs: NOW_MS - 120 * DAY_MS, toMs: NOW_MS - HOUR_MS }
const KINDS = Object.entries(vocabulary.notifications)
/** Until then many are still unread. */
const FRESH_DAYS = 30

export function createNotifications(size: DemoSize, totals: Totals, people: People): DemoTable {
  return {
    name: 'notifications',
    columns: words('id user_id kind title body created_at read_at'),
    total: totals.notifications,
    rows: () => rows(totals.notifications, people, createRandom(`${size} notifications`)),
  }
}

function* rows(total: number, { active }: People, random: Random): Iterable<Row> {
  for (let id = 1; id <= total; id += 1) {
    const createdMs = moment(id - 1, total, SPAN, random)
    const [kind, texts] = random.pick(KINDS)
    const { title, body } = random.pick<{ title: string; body: string }>(texts)
    const insert = {
      ...anyTopic(random).insert,
      ...anyCompany(random).insert,
      person: personName(random).displayName,
      score: String(random.integer(1, 10)),
      amount: `${random.integer(1, 200) * 500}.00`,
    }
    const isRead = !random.chance(NOW_MS - createdMs < FRESH_DAYS * DAY_MS ? 0.6 : 0.13)
    const readAt = isRead ? time(between(createdMs, Math.min(NOW_MS, createdMs + 5 * DAY_MS), random)) : null
    yield [id, random.pickEarly(active), kind, fill(title, insert), fill(body, insert), time(createdMs), readAt]
  }
}
