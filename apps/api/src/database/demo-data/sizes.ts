// How much demo data there is. What isn't listed follows from these: streaks, badges, wallets, conversations, components and what the assistant was asked.

export const DEMO_SIZES = {
  /** For tests. */
  small: {
    users: 60,
    courses: 40,
    lessons: 800,
    enrolments: 300,
    progress: 1000,
    wallet_transactions: 400,
    blogs: 120,
    pitches: 120,
    pitch_views: 600,
    pitch_scores: 240,
    ndas: 40,
    investments: 30,
    notifications: 300,
    user_tokens: 40,
    uploads: 30,
    sessions: 40,
    chat_messages: 600,
  },
  full: {
    users: 10_000,
    courses: 200,
    lessons: 4000,
    enrolments: 15_000,
    progress: 50_000,
    wallet_transactions: 40_000,
    blogs: 5000,
    pitches: 20_000,
    pitch_views: 80_000,
    pitch_scores: 30_000,
    ndas: 6000,
    investments: 4000,
    notifications: 40_000,
    user_tokens: 4000,
    uploads: 1000,
    sessions: 8000,
    chat_messages: 100_000,
  },
} as const
export type DemoSize = keyof typeof DEMO_SIZES
/** Rows by table. */
export type Totals = { readonly [Table in keyof (typeof DEMO_SIZES)['full']]: number }
