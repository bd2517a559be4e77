// What clients get of badges. The dashboard shows the same ones.
import { Type, type Static } from 'typebox'
import { Time, UserId } from '../users.ts'

const badgeFields = {
  code: Type.String({ description: 'Stable name.', examples: ['welcome'] }),
  name: Type.String(),
  tier: Type.Enum(['bronze', 'silver', 'gold']),
  points: Type.Integer({ minimum: 0, description: 'What it adds to the points of whoever has it.' }),
}

/** A badge that the user has. */
export const EarnedBadge = Type.Object({ ...badgeFields, awardedAt: Time }, { additionalProperties: false })
export type EarnedBadge = Static<typeof EarnedBadge>

/** A badge of the catalogue, as one user sees it. */
export const Badge = Type.Object(
  {
    ...badgeFields,
    description: Type.String({ description: 'What it is given for.' }),
    earned: Type.Boolean(),
    awardedAt: Type.Union([Time, Type.Null()], { description: 'Null as long as it is not earned.' }),
  },
  { additionalProperties: false },
)
export type Badge = Static<typeof Badge>

export const BadgeList = Type.Object(
  {
    userId: UserId,
    earned: Type.Integer({ minimum: 0, description: 'How many the user has.' }),
    points: Type.Integer({ minimum: 0, description: 'Of all that the user has.' }),
    items: Type.Array(Badge),
  },
  { additionalProperties: false, description: 'All badges there are, in the order in which they were made.' },
)
export type BadgeList = Static<typeof BadgeList>
