// How long is kept what doesn't have to be kept for ever.
import { option as Type } from '@plimsoll/config'

const closed = { additionalProperties: false } as const

const LONGEST_DAYS = 36_500

function days(env: string, defaultDays: number, description: string) {
  return Type.Integer({
    description,
    unit: 'days',
    default: defaultDays,
    minimum: 0,
    maximum: LONGEST_DAYS,
    zero: 'they are kept',
    env,
  })
}

export const retention = Type.Object(
  {
    expiredTokensDays: days(
      'API_RETENTION_EXPIRED_TOKENS_DAYS',
      7,
      'How long tokens and sessions are kept after they have expired.',
    ),
    readNotificationsDays: days(
      'API_RETENTION_READ_NOTIFICATIONS_DAYS',
      90,
      'How long notifications are kept after they were read.',
    ),
    unreadNotificationsDays: days(
      'API_RETENTION_UNREAD_NOTIFICATIONS_DAYS',
      365,
      'How long notifications are kept that nobody reads.',
    ),
    pitchViewsDays: days(
      'API_RETENTION_PITCH_VIEWS_DAYS',
      400,
      'How long it is kept who has looked at which pitch; the pitch goes on counting them.',
    ),
    aiInteractionsDays: days(
      'API_RETENTION_AI_INTERACTIONS_DAYS',
      180,
      'How long is kept what an AI was asked and has answered.',
    ),
    erasedDealsDays: days(
      'API_RETENTION_ERASED_DEALS_DAYS',
      3650,
      'How long investments and agreements of users who were erased are kept, for those on the other side.',
    ),
  },
  closed,
)
