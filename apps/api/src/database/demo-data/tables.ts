// The demo data's tables in the order in which they can be loaded. Nothing of it reads a clock or touches a database.
//
// Each area has a file of its own, which says which rules its rows keep and which cases that reading code has to get right are among them. What belongs together over
// several tables (the sums of a pitch, the balance of a wallet) is planned first; the tables are made of the plan.
import { createAccounts } from './accounts.ts'
import { createAssistant } from './assistant.ts'
import { createBadges } from './badges.ts'
import { createBlogs } from './blogs.ts'
import { planChat } from './chat-plan.ts'
import { createChat } from './chat.ts'
import { createCatalogue } from './courses.ts'
import { createDeals } from './deals.ts'
import type { DemoTable } from './demo-table.ts'
import { createLearning, type Learning } from './enrolments.ts'
import { createNotifications } from './notifications.ts'
import { createPeople } from './people.ts'
import { createPitches } from './pitches.ts'
import { DEMO_SIZES, type DemoSize } from './sizes.ts'
import { createStreaks } from './streaks.ts'
import { createWallets } from './wallets.ts'

export function demoTables(size: DemoSize): readonly DemoTable[] {
  const totals = DEMO_SIZES[size]
  const people = createPeople(size, totals)
  const catalogue = createCatalogue(size, totals, people)
  const learning = createLearning(size, totals, people, catalogue)
  const streaks = createStreaks(size, people, learning)
  const wallets = createWallets(size, totals, people)
  const blogs = createBlogs(size, totals, people)
  const pitches = createPitches(size, totals, people)
  const deals = createDeals(size, totals, people, pitches.visible)
  const chat = planChat(size, totals, people)
  const badges = createBadges({
    welcome: [...wallets.createdMs].map(([user, ms]) => ({ user, ms })),
    'first-lesson': nth(learning, 'lessonsMs', 1),
    'ten-lessons': nth(learning, 'lessonsMs', 10),
    'hundred-lessons': nth(learning, 'lessonsMs', 100),
    'first-course': nth(learning, 'coursesMs', 1),
    'five-courses': nth(learning, 'coursesMs', 5),
    'week-streak': streaks.reached(7),
    'month-streak': streaks.reached(30),
    'first-blog': blogs.published.map(({ author: user, ms }) => ({ user, ms })),
    'first-pitch': pitches.visible.map(({ founder: user, createdMs: ms }) => ({ user, ms })),
    'first-score': pitches.scores,
    'first-investment': deals.accepted.map(({ investor: user, ms }) => ({ user, ms })),
  })
  return [
    people.table,
    ...catalogue.tables,
    ...learning.tables,
    streaks.table,
    ...badges,
    ...wallets.tables,
    blogs.table,
    ...pitches.tables,
    ...deals.tables,
    createNotifications(size, totals, people),
    ...createAccounts(size, totals, people, catalogue),
    ...createChat(chat),
    ...createAssistant(chat),
  ]
}

/** When each user finished their nth lesson or course. */
function nth({ histories }: Learning, what: 'lessonsMs' | 'coursesMs', number: number) {
  return [...histories].flatMap(([user, history]) => {
    const ms = history[what][number - 1]
    return ms === undefined ? [] : [{ user, ms }]
  })
}
