// What several of the performance pages' schemas are made of.
import { Type, type Static } from 'typebox'

export const closed = { additionalProperties: false } as const
export const Count = Type.Integer({ minimum: 0 })
export const Bytes = Type.Integer({ minimum: 0 })
export const Ratio = Type.Number({ minimum: 0, maximum: 1 })
export const Ms = Type.Number({ minimum: 0 })
export const Seconds = Type.Number({ minimum: 0 })
export const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC, milliseconds.' })
export const NullableRatio = Type.Union([Ratio, Type.Null()])
export const NullableCount = Type.Union([Count, Type.Null()])
export const NullableText = Type.Union([Type.String(), Type.Null()])

/** Whose figures an answer holds: at the head of every page. */
export const about = {
  scope: Type.Enum(['fleet', 'worker'], {
    description:
      '`fleet`: of all workers, those that have ended included, as the supervisor counts them; `worker`: of the one that answered, which has no supervisor.',
  }),
  worker: Type.Object(
    { number: Count, generation: Count, pid: Count },
    { ...closed, description: 'Which worker answered.' },
  ),
  at: Time,
}

const About = Type.Object(about, closed)
export type About = Static<typeof About>
