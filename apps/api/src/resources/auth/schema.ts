// What clients send to and get from the auth resource. Nothing of a request is ever repeated in an answer but the user's own data after they have signed in.
import { Type, type Static } from 'typebox'
import { MAX_PASSWORD_BYTES, passwordText } from '../../auth/password-text.ts'
import { Line } from '../../http/text-schema.ts'

const closed = { additionalProperties: false } as const

/** Identities are positive and stay exact in JavaScript. */
const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC, milliseconds.' })
const UserType = Type.Enum(['learner', 'instructor', 'founder', 'investor', 'admin'])

/**
 * As browsers take it (HTML, "valid e-mail address"), in ASCII: its lower case is the same to JavaScript, which counts attempts by it, and to PostgreSQL, which looks it up.
 * Domains of other scripts are spelt `xn--`. Each character can stand in one place only, so there's nothing to go back to, however long the text.
 */
const Email = Type.String({
  pattern: "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63})*$",
  minLength: 3,
  maxLength: 254,
  description: 'In any case.',
  examples: ['ada@example.org'],
})

/** A character has four bytes at most, so what's over 1 kB isn't looked at. The policy's own limit, of 128 composed characters, is well within it. */
const Password = Type.Refine(
  Type.String({
    minLength: 1,
    maxLength: MAX_PASSWORD_BYTES / 4,
    description: 'As it was typed; no half of a surrogate pair.',
    examples: ['kestrel-mango-91'],
  }),
  typed => passwordText(typed) !== undefined,
  () => 'must hold no half of a surrogate pair',
)

/** Anything that's short: what isn't one is refused as one that's unknown. */
const RefreshToken = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'Good for one use.',
  examples: [`plr_${'A'.repeat(43)}`],
})

export const SignUp = Type.Object(
  {
    email: Email,
    username: Type.String({
      pattern: '^[A-Za-z0-9_.-]{2,40}$',
      minLength: 2,
      maxLength: 40,
      description: 'Seen by everybody, and nobody else has it in any case.',
      examples: ['ada.l'],
    }),
    displayName: Line({ minLength: 1, maxLength: 120, examples: ['Ada Lovelace'] }),
    password: Password,
  },
  closed,
)
export type SignUp = Static<typeof SignUp>

export const SignedUp = Type.Object({ message: Type.String({ description: 'What to do next.' }) }, closed)
export type SignedUp = Static<typeof SignedUp>

export const SignIn = Type.Object({ email: Email, password: Password }, closed)
export type SignIn = Static<typeof SignIn>

export const Refresh = Type.Object({ refreshToken: RefreshToken }, closed)
export type Refresh = Static<typeof Refresh>

export const PasswordChange = Type.Object({ currentPassword: Password, newPassword: Password }, closed)
export type PasswordChange = Static<typeof PasswordChange>

const userFields = {
  id: Id,
  email: Type.String(),
  username: Type.String(),
  displayName: Type.String(),
  userType: UserType,
}

export const Tokens = Type.Object(
  {
    accessToken: Type.String({ description: 'For `authorization: Bearer ...`.' }),
    expiresAt: Time,
    refreshToken: Type.String({ description: 'For the next pair of tokens; keep it, and use it once.' }),
    refreshExpiresAt: Time,
    user: Type.Object(userFields, closed),
  },
  closed,
)
export type Tokens = Static<typeof Tokens>

/** A user as they see themselves. */
export const Profile = Type.Object({ ...userFields, createdAt: Time }, closed)
export type Profile = Static<typeof Profile>

export const Verified = Type.Object(
  {
    userId: Id,
    userType: UserType,
    expiresAt: Type.String({ format: 'date-time', description: 'When the access token ends.' }),
  },
  closed,
)
export type Verified = Static<typeof Verified>
