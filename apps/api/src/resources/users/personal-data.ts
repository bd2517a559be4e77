// What is kept about a user, table by table: the one list behind the export, its schema, and the tests that compare it with the database's catalogue.
//
// * A section is a table whose rows belong to a user: by a column of its own, or by the row of another section (a message by its chat session).
// * Each of its columns is either a field here or named in `leftOut` with the reason, so a migration that adds one fails a test until somebody has decided.
// * Secrets are told of, not told: whoever has the document shouldn't be able to sign in with it.
// * Pages are read by a key that an index gives the order of, so that a page costs the same however many came before it.

/** How a column is read and written down. With a question mark: it may be null. */
type Form = 'integer' | 'real' | 'text' | 'texts' | 'boolean' | 'time' | 'day' | 'money' | 'digest' | 'secret'
export type FieldForm = Form | `${Form}?`

export interface Section {
  readonly table: string
  /** Column that says whose a row is: a user's, or with `through` that of a row there. */
  readonly owner: string
  /** The table that `owner` refers to, and its column that holds the user. */
  readonly through?: { readonly table: string; readonly owner: string }
  /** Fields whose order pages follow, unique among the rows of an owner; none: there's one row at most. */
  readonly key: readonly string[]
  /** By name; the column has the same one, with underscores. */
  readonly fields: Readonly<Record<string, FieldForm>>
  /** What belongs to it in another table, by this table's column. */
  readonly joined?: {
    readonly table: string
    readonly column: string
    readonly fields: Readonly<Record<string, FieldForm>>
    readonly leftOut: Readonly<Record<string, string>>
  }
  /** Fields that may be long: a page ends when they have filled it. */
  readonly long?: readonly string[]
  /** Columns that aren't exported, and why. */
  readonly leftOut?: Readonly<Record<string, string>>
}

const BY_SESSION = { owner: 'session_id', through: { table: 'sessions', owner: 'user_id' } } as const
const BY_TIME = ['createdAt', 'id'] as const

/** By their names in the document, in its order. */
export const SECTIONS: Readonly<Record<string, Section>> = {
  profile: {
    table: 'users',
    owner: 'id',
    key: [],
    fields: {
      id: 'integer',
      email: 'text',
      username: 'text',
      displayName: 'text',
      userType: 'text',
      createdAt: 'time',
      updatedAt: 'time',
    },
    leftOut: { erasure: 'set only when there is nobody left to export' },
  },
  credentials: {
    table: 'credentials',
    owner: 'user_id',
    key: [],
    fields: { passwordHash: 'secret', version: 'integer', changedAt: 'time', hashedAt: 'time' },
  },
  signIns: {
    table: 'token_families',
    owner: 'user_id',
    key: ['id'],
    fields: {
      id: 'integer',
      createdAt: 'time',
      expiresAt: 'time',
      revokedAt: 'time?',
      revokedFor: 'text?',
      addressHash: 'secret?',
      seenAt: 'time',
    },
  },
  tokens: {
    table: 'user_tokens',
    owner: 'user_id',
    key: ['id'],
    fields: {
      id: 'integer',
      familyId: 'integer?',
      type: 'text',
      token: 'secret',
      createdAt: 'time',
      expiresAt: 'time',
      usedAt: 'time?',
      revoked: 'boolean',
    },
  },
  enrolments: {
    table: 'enrolments',
    owner: 'user_id',
    key: ['courseId'],
    fields: { courseId: 'integer', enrolledAt: 'time', completedAt: 'time?' },
  },
  progress: {
    table: 'progress',
    owner: 'user_id',
    key: ['lessonId'],
    fields: { lessonId: 'integer', percent: 'integer', startedAt: 'time', updatedAt: 'time', completedAt: 'time?' },
  },
  streaks: {
    table: 'user_streaks',
    owner: 'user_id',
    key: ['id'],
    fields: {
      id: 'integer',
      streakType: 'text',
      currentDays: 'integer',
      longestDays: 'integer',
      lastActiveOn: 'day?',
      createdAt: 'time',
      updatedAt: 'time',
    },
  },
  badges: {
    table: 'user_badges',
    owner: 'user_id',
    key: ['badgeId'],
    fields: { badgeId: 'integer', awardedAt: 'time' },
  },
  wallet: {
    table: 'wallets',
    owner: 'user_id',
    key: [],
    fields: { balance: 'integer', lastSequence: 'integer', createdAt: 'time', updatedAt: 'time' },
  },
  walletTransactions: {
    table: 'wallet_transactions',
    owner: 'user_id',
    key: ['sequence'],
    fields: {
      id: 'integer',
      sequence: 'integer',
      idempotencyKey: 'text',
      requestHash: 'digest',
      kind: 'text',
      amount: 'integer',
      balanceBefore: 'integer',
      balanceAfter: 'integer',
      reason: 'text',
      createdAt: 'time',
    },
  },
  courses: {
    table: 'courses',
    owner: 'instructor_id',
    key: ['id'],
    fields: {
      id: 'integer',
      slug: 'text',
      title: 'text',
      summary: 'text',
      description: 'text',
      category: 'text',
      level: 'text',
      language: 'text',
      price: 'money',
      currency: 'text',
      status: 'text',
      publishedAt: 'time?',
      createdAt: 'time',
      updatedAt: 'time',
    },
    long: ['description'],
  },
  lessons: {
    table: 'lessons',
    owner: 'course_id',
    through: { table: 'courses', owner: 'instructor_id' },
    key: ['position'],
    fields: {
      courseId: 'integer',
      id: 'integer',
      position: 'integer',
      title: 'text',
      summary: 'text',
      kind: 'text',
      durationMinutes: 'integer',
      isPreview: 'boolean',
      content: 'text',
      createdAt: 'time',
      updatedAt: 'time',
    },
    long: ['content'],
  },
  blogs: {
    table: 'blogs',
    owner: 'author_id',
    key: BY_TIME,
    fields: {
      id: 'integer',
      slug: 'text',
      title: 'text',
      content: 'text',
      tags: 'texts',
      status: 'text',
      version: 'integer',
      createdAt: 'time',
      updatedAt: 'time',
    },
    long: ['content'],
  },
  pitches: {
    table: 'pitches',
    owner: 'founder_id',
    key: BY_TIME,
    fields: {
      id: 'integer',
      title: 'text',
      summary: 'text',
      description: 'text',
      industry: 'text',
      stage: 'text',
      status: 'text',
      visibility: 'text',
      goal: 'money',
      currency: 'text',
      viewCount: 'integer',
      scoreCount: 'integer',
      scoreSum: 'integer',
      trendingScore: 'real',
      createdAt: 'time',
      updatedAt: 'time',
    },
    long: ['description'],
    leftOut: { search: 'made of the title and the summary' },
  },
  pitchViews: {
    table: 'pitch_views',
    owner: 'viewer_id',
    key: ['id'],
    fields: { id: 'integer', pitchId: 'integer', viewedAt: 'time' },
  },
  pitchScores: {
    table: 'pitch_scores',
    owner: 'user_id',
    key: ['pitchId'],
    fields: { pitchId: 'integer', score: 'integer', createdAt: 'time', updatedAt: 'time' },
  },
  agreements: {
    table: 'ndas',
    owner: 'user_id',
    key: BY_TIME,
    fields: { id: 'integer', pitchId: 'integer', status: 'text', signedAt: 'time?', createdAt: 'time' },
  },
  investments: {
    table: 'investments',
    owner: 'investor_id',
    key: BY_TIME,
    fields: {
      id: 'integer',
      pitchId: 'integer',
      amount: 'money',
      currency: 'text',
      status: 'text',
      createdAt: 'time',
      updatedAt: 'time',
    },
  },
  notifications: {
    table: 'notifications',
    owner: 'user_id',
    key: BY_TIME,
    fields: { id: 'integer', kind: 'text', title: 'text', body: 'text', createdAt: 'time', readAt: 'time?' },
  },
  uploads: {
    table: 'uploads',
    owner: 'user_id',
    key: BY_TIME,
    fields: {
      id: 'integer',
      courseId: 'integer?',
      fileName: 'text',
      mediaType: 'text',
      bytes: 'integer',
      sha256: 'digest',
      storageKey: 'text',
      createdAt: 'time',
    },
  },
  chatSessions: {
    table: 'sessions',
    owner: 'user_id',
    key: BY_TIME,
    fields: { id: 'integer', title: 'text', isActive: 'boolean', createdAt: 'time', lastActiveAt: 'time' },
  },
  conversations: {
    table: 'conversation_sessions',
    ...BY_SESSION,
    key: ['conversationId'],
    fields: { sessionId: 'integer', conversationId: 'integer', addedAt: 'time' },
    joined: {
      table: 'conversations',
      column: 'conversation_id',
      fields: { title: 'text', createdAt: 'time', updatedAt: 'time' },
      leftOut: { id: 'is conversationId' },
    },
  },
  chatMessages: {
    table: 'chat_messages',
    ...BY_SESSION,
    key: ['position'],
    fields: {
      sessionId: 'integer',
      id: 'integer',
      conversationId: 'integer?',
      position: 'integer',
      role: 'text',
      content: 'text',
      createdAt: 'time',
    },
    long: ['content'],
  },
  components: {
    table: 'components',
    ...BY_SESSION,
    key: BY_TIME,
    fields: {
      sessionId: 'integer',
      id: 'integer',
      type: 'text',
      name: 'text',
      version: 'integer',
      isCurrent: 'boolean',
      content: 'text',
      createdAt: 'time',
    },
    long: ['content'],
  },
  aiInteractions: {
    table: 'ai_interactions',
    ...BY_SESSION,
    key: BY_TIME,
    fields: {
      sessionId: 'integer',
      id: 'integer',
      conversationId: 'integer?',
      model: 'text',
      prompt: 'text',
      promptTokens: 'integer',
      createdAt: 'time',
    },
    long: ['prompt'],
  },
  aiResponses: {
    table: 'ai_responses',
    ...BY_SESSION,
    key: BY_TIME,
    fields: {
      sessionId: 'integer',
      id: 'integer',
      interactionId: 'integer',
      conversationId: 'integer?',
      content: 'text',
      responseTokens: 'integer',
      latencyMs: 'integer',
      createdAt: 'time',
    },
    long: ['content'],
  },
}

/** Tables that hold nothing of anybody, and why; a test fails for one that's neither here nor in a section. */
export const NOBODYS: Readonly<Record<string, string>> = {
  badges: 'the catalogue of badges',
  cache_invalidation: 'names of what caches forget, by ids',
  cache_invalidation_pruned: 'a place in that log',
  demo_data: 'which demo data were loaded',
  schema_migrations: 'which migrations were applied',
}

/** `createdAt` is `created_at`. */
export function columnOf(field: string): string {
  return field.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

export function isOptional(form: FieldForm): boolean {
  return form.endsWith('?')
}

export function formOf(form: FieldForm): Form {
  return (isOptional(form) ? form.slice(0, -1) : form) as Form
}
