// Which sessions and conversations there are, and what's said in each.
//
// What a session says depends on its number alone, so that its messages needn't be kept: they're composed again by whoever needs them.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { DAY_MS, NOW_MS, moment } from './calendar.ts'
import type { People } from './people.ts'
import { anyTopic, fill, type Insert } from './phrasing.ts'
import { createRandom, type Random } from './random.ts'
import { shares } from './shares.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface PlannedSession {
  readonly id: number
  readonly user: number
  readonly startMs: number
  readonly lastMs: number
  readonly messages: number
  /** Between two messages, in about. */
  readonly gapMs: number
  readonly hasInstruction: boolean
  /** In the order in which they're had. */
  readonly conversations: readonly number[]
}

export interface PlannedConversation {
  readonly id: number
  readonly createdMs: number
  readonly lastMs: number
}

export interface ChatPlan {
  readonly size: DemoSize
  readonly sessions: readonly PlannedSession[]
  readonly conversations: readonly PlannedConversation[]
}

export type Role = 'user' | 'assistant' | 'system' | 'tool'
export interface Message {
  readonly position: number
  readonly role: Role
  readonly content: string
  readonly ms: number
  readonly conversation: number | null
}

const SPAN = { fromMs: NOW_MS - 365 * DAY_MS, toMs: NOW_MS - DAY_MS }
/** Of the active users, those who chat. */
const ONE_CHATS_IN = 2
const EMPTY_SESSION = 2
const ONE_LONG_IN = 37
const { chat, proverbs, emoji } = vocabulary
/** Who speaks, over and over; the answer after a tool's comes in the same millisecond. */
const ROUND = ['user', 'assistant', 'user', 'assistant', 'user', 'tool', 'assistant'] as const

export function planChat(size: DemoSize, totals: Totals, { active }: People): ChatPlan {
  const random = createRandom(`${size} sessions`)
  const chatters = active.filter((_, index) => index % ONE_CHATS_IN === 0)
  const counts = shares(
    totals.chat_messages,
    Array.from({ length: totals.sessions }, (_, index) => {
      const weight = random.next()
      if (index + 1 === EMPTY_SESSION) return 0
      return index % ONE_LONG_IN === 0 ? 4 : 0.1 + weight * weight * weight
    }),
  )
  const conversations: PlannedConversation[] = []
  const lastOf = new Map<number, number>()
  const sessions = counts.map((messages, index) => {
    const user = random.pickEarly(chatters)
    const startMs = moment(index, totals.sessions, SPAN, random)
    const gapMs = random.integer(6000, 90_000)
    const hasInstruction = random.chance(0.3)
    const lastMs = messages === 0 ? startMs : messageTimeMs({ startMs, gapMs, hasInstruction }, messages)
    const continued = random.chance(0.3) ? lastOf.get(user) : undefined
    const begun = Array.from({ length: random.integer(0, 2) }, () => {
      conversations.push({ id: conversations.length + 1, createdMs: startMs, lastMs })
      return conversations.length
    })
    const own = [...(continued === undefined ? [] : [continued]), ...begun]
    for (const id of own) {
      const { createdMs, lastMs: beforeMs } = conversations[id - 1] ?? { createdMs: startMs, lastMs }
      conversations[id - 1] = { id, createdMs, lastMs: Math.max(beforeMs, lastMs) }
      lastOf.set(user, id)
    }
    return { id: index + 1, user, startMs, lastMs, messages, gapMs, hasInstruction, conversations: own }
  })
  return { size, sessions, conversations }
}

type Pace = Pick<PlannedSession, 'startMs' | 'gapMs' | 'hasInstruction'>

function roleOf({ hasInstruction }: Pace, position: number): Role {
  if (hasInstruction && position === 1) return 'system'
  return ROUND[(position - (hasInstruction ? 2 : 1)) % ROUND.length] ?? 'user'
}

function messageTimeMs(pace: Pace, position: number): number {
  const isAfterTool = position > 1 && roleOf(pace, position - 1) === 'tool'
  const place = isAfterTool ? position - 1 : position
  return pace.startMs + Math.floor((place - 1 + ((place * 7) % 10) / 20) * pace.gapMs)
}

/** All messages of a session, in order. */
export function messagesOf(session: PlannedSession, size: DemoSize): readonly Message[] {
  const random = createRandom(`${size} chat ${session.id}`)
  let { insert } = anyTopic(random)
  return Array.from({ length: session.messages }, (_, index) => {
    const position = index + 1
    const role = roleOf(session, position)
    // From time to time they turn to something else.
    if (role === 'user' && random.chance(0.1)) ({ insert } = anyTopic(random))
    return {
      position,
      role,
      content: contentOf(role, insert, random),
      ms: messageTimeMs(session, position),
      conversation: role === 'system' ? null : conversationAt(session, index),
    }
  })
}

/** One after the other, each for about as long. */
function conversationAt({ conversations, messages }: PlannedSession, index: number): number | null {
  return conversations[Math.floor((index * conversations.length) / messages)] ?? null
}

function contentOf(role: Role, insert: Insert, random: Random): string {
  switch (role) {
    case 'system':
      return fill(random.pick(chat.system), insert)
    case 'tool':
      return fill(random.pick(chat.tool), insert)
    case 'user': {
      const question = fill(random.pick(chat.questions), insert)
      return random.chance(0.1) ? `${question} ${random.pick(emoji)}` : question
    }
    case 'assistant': {
      const sentences = Array.from({ length: random.integer(1, 4) }, () => fill(random.pick(chat.answers), insert))
      return random.chance(0.03) ? `${sentences.join(' ')}\n\n> ${random.pick(proverbs)}` : sentences.join(' ')
    }
    default:
      return role satisfies never
  }
}
