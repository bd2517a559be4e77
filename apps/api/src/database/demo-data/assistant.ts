// What the assistant was asked and answered in some of the sessions, and the components that were built in some.
//
// An interaction is a question of the user with the answer after it, as they stand among the messages; a question that the session ends with got none. Of each
// component the newest version is current, unless it was withdrawn.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { time } from './calendar.ts'
import { messagesOf, type ChatPlan, type PlannedSession } from './chat-plan.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import { anyTopic, fill } from './phrasing.ts'
import { createRandom, type Random } from './random.ts'

interface Interaction {
  readonly id: number
  readonly session: number
  readonly conversation: number | null
  readonly model: string
  readonly prompt: string
  readonly askedMs: number
  readonly answer: { readonly content: string; readonly ms: number } | undefined
}

const { chat } = vocabulary
/** Sessions whose interactions are kept. */
const ONE_KEPT_IN = 5
/** Sessions in which something was built. */
const ONE_BUILDS_IN = 4
const MODELS = chat.models
/** English text, in about. */
const CHARACTERS_PER_TOKEN = 4

export function createAssistant(plan: ChatPlan): readonly DemoTable[] {
  const { size } = plan
  const interactions = [...planInteractions(plan, createRandom(`${size} interactions`))]
  const answered = interactions.filter(({ answer }) => answer !== undefined)
  const components = [...componentRows(plan, createRandom(`${size} components`))]
  return [
    {
      name: 'components',
      columns: words('id session_id type name version is_current content created_at'),
      total: components.length,
      rows: () => components,
    },
    {
      name: 'ai_interactions',
      columns: words('id session_id conversation_id model prompt prompt_tokens created_at'),
      total: interactions.length,
      *rows() {
        for (const { id, session, conversation, model, prompt, askedMs } of interactions) {
          yield [id, session, conversation, model, prompt, tokens(prompt), time(askedMs)]
        }
      },
    },
    {
      name: 'ai_responses',
      columns: words('id interaction_id session_id conversation_id content response_tokens latency_ms created_at'),
      total: answered.length,
      *rows() {
        for (const [index, { id, session, conversation, askedMs, answer }] of answered.entries()) {
          const { content = '', ms = 0 } = answer ?? {}
          yield [index + 1, id, session, conversation, content, tokens(content), ms - askedMs, time(ms)]
        }
      },
    },
  ]
}

function* planInteractions({ size, sessions }: ChatPlan, random: Random): Iterable<Interaction> {
  let id = 0
  for (const session of sessions.filter((_, index) => index % ONE_KEPT_IN === 0)) {
    const messages = messagesOf(session, size)
    const model = random.pick(MODELS)
    for (const [index, { role, content, ms, conversation }] of messages.entries()) {
      if (role !== 'user') continue
      id += 1
      const answer = messages.slice(index + 1, index + 3).find(({ role }) => role === 'assistant')
      // It's asked at once, or when the tool's answer is there.
      const askedMs = answer === undefined ? ms : Math.max(ms, answer.ms - random.integer(300, 3000))
      yield { id, session: session.id, conversation, model, prompt: content, askedMs, answer }
    }
  }
}

function* componentRows({ sessions }: ChatPlan, random: Random): Iterable<Row> {
  let id = 0
  for (const session of sessions.filter((_, index) => index % ONE_BUILDS_IN === 0)) {
    const names = new Set<string>()
    for (let number = random.integer(1, 3); number > 0; number -= 1) {
      const { type, name } = random.pick(chat.components)
      const { insert } = anyTopic(random)
      const title = fill(name, insert)
      if (names.has(title)) continue
      names.add(title)
      const versions = random.integer(1, 4)
      const isWithdrawn = random.chance(0.1)
      for (let version = 1; version <= versions; version += 1) {
        id += 1
        const isCurrent = version === versions && !isWithdrawn
        const content = JSON.stringify({ title, items: Array.from({ length: version + 1 }, () => anyAnswer(random)) })
        yield [
          id,
          session.id,
          type,
          title,
          version,
          isCurrent,
          content,
          time(versionTimeMs(session, version, versions)),
        ]
      }
    }
  }
}

/** Within the session, in order. */
function versionTimeMs({ startMs, lastMs }: PlannedSession, version: number, versions: number): number {
  return startMs + Math.floor(((lastMs - startMs) * version) / (versions + 1))
}

function anyAnswer(random: Random): string {
  return fill(random.pick(chat.answers), anyTopic(random).insert)
}

function tokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN)
}
