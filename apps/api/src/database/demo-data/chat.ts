// Sessions, conversations and messages.
//
// A conversation can go on in a later session of the same user. Cases: a session in which nothing was said, very long ones, sessions and messages without a
// conversation, messages of the very same millisecond, which only their place puts in order.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { time } from './calendar.ts'
import { messagesOf, type ChatPlan } from './chat-plan.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import { anyTopic, fill } from './phrasing.ts'
import { createRandom, type Random } from './random.ts'

const { chat } = vocabulary
/** The last ones are still open, some of the earlier ones too. */
const OPEN_SHARE = 0.1

export function createChat(plan: ChatPlan): readonly DemoTable[] {
  const { size, sessions, conversations } = plan
  return [
    {
      name: 'sessions',
      columns: words('id user_id title is_active created_at last_active_at'),
      total: sessions.length,
      rows: () => sessionRows(plan, createRandom(`${size} session titles`)),
    },
    {
      name: 'conversations',
      columns: words('id title created_at updated_at'),
      total: conversations.length,
      rows: () => conversationRows(plan, createRandom(`${size} conversations`)),
    },
    {
      name: 'conversation_sessions',
      columns: words('session_id conversation_id added_at'),
      total: sessions.reduce((sum, { conversations }) => sum + conversations.length, 0),
      *rows() {
        for (const { id, conversations, startMs } of sessions) {
          for (const conversation of conversations) yield [id, conversation, time(startMs)]
        }
      },
    },
    {
      name: 'chat_messages',
      columns: words('id session_id conversation_id position role content created_at'),
      total: sessions.reduce((sum, { messages }) => sum + messages, 0),
      *rows() {
        let id = 0
        for (const session of sessions) {
          for (const { position, role, content, ms, conversation } of messagesOf(session, size)) {
            id += 1
            yield [id, session.id, conversation, position, role, content, time(ms)]
          }
        }
      },
    },
  ]
}

function* sessionRows({ sessions }: ChatPlan, random: Random): Iterable<Row> {
  for (const [index, { id, user, startMs, lastMs }] of sessions.entries()) {
    const isActive = index >= sessions.length * (1 - OPEN_SHARE) || random.chance(0.05)
    const title = fill(random.pick(chat.sessionTitles), anyTopic(random).insert)
    yield [id, user, title, isActive, time(startMs), time(lastMs)]
  }
}

function* conversationRows({ conversations }: ChatPlan, random: Random): Iterable<Row> {
  for (const { id, createdMs, lastMs } of conversations) {
    const title = fill(random.pick(chat.conversationTitles), anyTopic(random).insert)
    yield [id, title, time(createdMs), time(lastMs)]
  }
}
