// Answer of `GET /performance/optimization/recommendations`.
import { Type, type Static } from 'typebox'
import { about, closed, Time } from '../parts.ts'

/** From the worst to the least; the order of the list. */
export const SEVERITIES = ['critical', 'warning', 'advice'] as const
/** The order within a severity. */
export const AREAS = ['fleet', 'requests', 'database', 'memory', 'event-loop', 'cache', 'indexes'] as const
export const UNITS = ['count', 'ratio', 'ms', 's', 'bytes', 'rows', 'blocks', 'connections', 'level'] as const

const Evidence = Type.Object(
  {
    figure: Type.String({ description: 'What was measured.' }),
    value: Type.Number(),
    unit: Type.Enum(UNITS),
    limit: Type.Union([Type.Number(), Type.Null()], {
      description:
        'What the figure has reached, and why this is a recommendation; null: it only belongs to the picture.',
    }),
  },
  closed,
)
export type Evidence = Static<typeof Evidence>

export const Recommendation = Type.Object(
  {
    id: Type.String({
      description: 'The same for the same thing in every answer: the rule, and what it speaks of.',
      examples: ['slow-statement:courses.list'],
    }),
    area: Type.Enum(AREAS),
    severity: Type.Enum(SEVERITIES),
    title: Type.String(),
    evidence: Type.Array(Evidence, { minItems: 1 }),
    action: Type.String({ description: 'What to do about it.' }),
  },
  closed,
)
export type Recommendation = Static<typeof Recommendation>

export const Recommendations = Type.Object(
  {
    ...about,
    statisticsSince: Type.Union([Time, Type.Null()], {
      description:
        "Since when the database counts the uses of its indexes and tables; null: it couldn't be asked, so nothing is said of those.",
    }),
    statisticsMissing: Type.Union([Type.String(), Type.Null()], {
      description: 'Code of what kept the database from being asked.',
    }),
    items: Type.Array(Recommendation, { description: 'The worst first. Empty: there is nothing to recommend.' }),
  },
  { ...closed, description: 'What to improve, each with the figures that say so.' },
)
export type Recommendations = Static<typeof Recommendations>
