// Every failure that the API names: what clients read as problem details, and what stops a command with one line.
//
// Invariants
// * A code never changes its meaning or its status; clients and tests compare codes, not texts.
// * The message of an ApiError is written for the client: no value that was sent, no query, no path, no stack. What only the log may know is the `cause`.
// * The README's error table is made from these two tables, and a test compares them.
import type { ProblemIssue } from '@plimsoll/problem-details'

/** What a code stands for; a row of the README's table, and the answer's status and title. */
export interface ErrorDefinition {
  /** HTTP status of the answer. */
  readonly status: number
  /** Summary that is the same for every occurrence. */
  readonly title: string
  /** When it happens, one sentence. */
  readonly message: string
  /** What a client should do. */
  readonly remedy: string
}

/** Codes that clients meet. */
export const API_ERRORS = {
  API_ERR_VALIDATION: {
    status: 400,
    title: 'The request is not valid',
    message: 'A parameter or field breaks its rule, or is not known.',
    remedy: 'Correct what `issues` names; it gives each field and its rule.',
  },
  API_ERR_CURSOR: {
    status: 400,
    title: 'The cursor is not valid',
    message: 'The cursor is not one that the `next` of a page carried.',
    remedy: 'Start again without it.',
  },
  API_ERR_MALFORMED_JSON: {
    status: 400,
    title: 'The body is not valid JSON',
    message: 'The body is empty, is not JSON, or holds a key that could poison a prototype.',
    remedy: 'Send one JSON value without `__proto__` and `constructor.prototype`.',
  },
  API_ERR_BAD_URL: {
    status: 400,
    title: 'The address is malformed',
    message: 'The path holds a percent-encoding that stands for no text.',
    remedy: 'Encode the path as UTF-8.',
  },
  API_ERR_IDEMPOTENCY_KEY: {
    status: 400,
    title: 'The idempotency key is missing or not valid',
    message: 'The address changes something exactly once per key, and the header Idempotency-Key is missing or no key.',
    remedy: 'Send 1 to 255 visible ASCII characters, new for each request and the same when it is repeated.',
  },
  API_ERR_PASSWORD_REFUSED: {
    status: 400,
    title: 'The password can not be chosen',
    message:
      'A new password has fewer than 8 characters, more than 128, or is one of those that everybody tries first.',
    remedy: 'Choose another; `issues` names the field and the rule. No kinds of characters are asked for.',
  },
  API_ERR_BAD_REQUEST: {
    status: 400,
    title: 'The request is malformed',
    message: 'The request breaks HTTP, for example its length differs from what it announced.',
    remedy: 'Look for what lies between client and service.',
  },
  API_ERR_ACCESS_TOKEN: {
    status: 401,
    title: 'Not signed in',
    message: 'The address is not for everybody, and the request brought no token that is valid now.',
    remedy: 'Send one as `authorization: Bearer ...`; when it has expired, get the next one with the refresh token.',
  },
  API_ERR_CREDENTIALS: {
    status: 401,
    title: 'Wrong e-mail address or password',
    message: 'Nobody has this password with this e-mail address; which of the two is wrong is not said.',
    remedy: 'Correct them; after a few failures the address is refused for a while.',
  },
  API_ERR_REFRESH_TOKEN: {
    status: 401,
    title: 'The refresh token is not valid',
    message:
      'It is unknown, expired or revoked, or was used before; then all that came of the same sign-in is revoked.',
    remedy: 'Sign in again. Use each refresh token once, and the one that came back from then on.',
  },
  API_ERR_FORBIDDEN: {
    status: 403,
    title: 'Not yours',
    message: 'It belongs to another user; whether it is there is not said.',
    remedy: 'Ask for what belongs to the user who is signed in.',
  },
  API_ERR_OPERATOR_ONLY: {
    status: 403,
    title: 'Only for operators',
    message:
      "The address shows or changes the inner state of the service, or acts in a user's name, and who is signed in is no admin.",
    remedy:
      'Set API_OPERATOR_TOKEN, and send it as `authorization: Bearer ...`; in development this machine needs none.',
  },
  API_ERR_ROUTE_NOT_FOUND: {
    status: 404,
    title: 'No such address',
    message: 'No route has this path.',
    remedy: '`/openapi.json` lists them all.',
  },
  API_ERR_COURSE_NOT_FOUND: {
    status: 404,
    title: 'No such course',
    message: 'No published course has this id.',
    remedy: 'Take ids from the list.',
  },
  API_ERR_USER_NOT_FOUND: {
    status: 404,
    title: 'No such user',
    message: 'No user has this id.',
    remedy: 'Check the id.',
  },
  API_ERR_BLOG_NOT_FOUND: {
    status: 404,
    title: 'No such blog',
    message: 'No published blog has this id; for changes, no blog at all.',
    remedy: 'Take ids from the list.',
  },
  API_ERR_CACHE_NAMESPACE: {
    status: 404,
    title: 'No such namespace of the cache',
    message: 'The cache has no namespace of this name.',
    remedy: '`/performance/cache/stats` lists them.',
  },
  API_ERR_METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The address has other methods',
    message: 'The path is known, the method is not one of its own.',
    remedy: 'Use a method that `allow` lists.',
  },
  API_ERR_REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request came too slowly',
    message: 'Head or body did not arrive in the time allowed.',
    remedy: 'Send it again, in one go.',
  },
  API_ERR_USERNAME_TAKEN: {
    status: 409,
    title: 'The user name is taken',
    message: 'Somebody has this user name, in this case or another; no account was made.',
    remedy: 'Choose another.',
  },
  API_ERR_WALLET_BALANCE: {
    status: 409,
    title: 'The balance is too low',
    message: 'More was to be spent than there is; nothing was done.',
    remedy: 'Spend less, or earn first; the key may be used again.',
  },
  API_ERR_WALLET_LIMIT: {
    status: 409,
    title: 'The wallet is full',
    message: 'The balance would pass 9007199254740991, the largest number that is exact in JSON; nothing was done.',
    remedy: 'Spend first; the key may be used again.',
  },
  API_ERR_PRECONDITION_FAILED: {
    status: 412,
    title: 'The condition does not hold',
    message: 'What is there has none of the entity tags that `If-Match` names.',
    remedy: 'Read it again, and repeat the request with the tag of what was read.',
  },
  API_ERR_BODY_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    message: 'The body is over the limit of the route; nothing of it was kept.',
    remedy: 'Send less.',
  },
  API_ERR_PARAMETER_TOO_LONG: {
    status: 414,
    title: 'A part of the address is too long',
    message: 'A path parameter is over 128 characters.',
    remedy: 'No id is that long; check the address.',
  },
  API_ERR_MEDIA_TYPE: {
    status: 415,
    title: 'The media type is not supported',
    message: 'The body is not `application/json`, or has a content encoding.',
    remedy: 'Send plain JSON.',
  },
  API_ERR_EXPECTATION: {
    status: 417,
    title: 'The expectation is not supported',
    message: 'The request expects something other than `100-continue`.',
    remedy: 'Leave the expectation out.',
  },
  API_ERR_IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key belongs to another request',
    message: 'An earlier request with this Idempotency-Key asked for something else; nothing was done.',
    remedy: 'Take a new key for each request.',
  },
  API_ERR_UNKNOWN_REFERENCE: {
    status: 422,
    title: 'A field names something that does not exist',
    message: 'The id in a field is well-formed, and nobody has it; nothing was done.',
    remedy: 'Correct the field that `issues` names.',
  },
  API_ERR_PRECONDITION_REQUIRED: {
    status: 428,
    title: 'The change needs a condition',
    message: 'A change has to say which version it is of, so that nobody overwrites what they have not seen.',
    remedy: 'Send `If-Match` with the ETag that was read; `*` is not taken.',
  },
  API_ERR_RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    message: 'The address, the user or the account used up its share of something costly.',
    remedy: 'Wait as long as `retry-after` says.',
  },
  API_ERR_HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The header fields are too large',
    message: 'Request line and header fields together are over 16 KiB.',
    remedy: 'Send fewer or shorter fields.',
  },
  API_ERR_INTERNAL: {
    status: 500,
    title: 'Something went wrong on our side',
    message: 'An unexpected failure; the log has its cause under the request id.',
    remedy: 'Report the request id if it happens again.',
  },
  API_ERR_DATABASE_UNAVAILABLE: {
    status: 503,
    title: 'The database can not be reached',
    message: 'There is no connection to the database.',
    remedy: 'Try again after `retry-after`.',
  },
  API_ERR_DATABASE_TIMEOUT: {
    status: 503,
    title: 'The database took too long',
    message: 'A statement ran into its time limit and was stopped.',
    remedy: 'Try again after `retry-after`.',
  },
  API_ERR_DATABASE_BUSY: {
    status: 503,
    title: 'The database is busy',
    message: 'No connection became free in time, or others were changing the same rows; nothing was done.',
    remedy: 'Try again after `retry-after`.',
  },
  API_ERR_DATABASE_OUTCOME_UNKNOWN: {
    status: 500,
    title: 'It is not known whether the change was made',
    message: 'The database went away before it answered, and what became of the change could not be found out.',
    remedy: 'Look before repeating it; with an `Idempotency-Key` it can be repeated with the same key.',
  },
  API_ERR_OUTCOME_UNKNOWN: {
    status: 500,
    title: 'It is not known whether the change was made',
    message: 'The time for the request was over before the change was known to be made or not.',
    remedy: 'Look before repeating it; with an `Idempotency-Key` it can be repeated with the same key.',
  },
  API_ERR_CACHE_NOT_CLEARED: {
    status: 503,
    title: 'Not every process could be told to forget',
    message:
      'The worker that answered has cleared its own memory; others could not be told, and keep what they have for its time.',
    remedy: 'Do it again after `retry-after`; `cache_tier_down` and `db_up` say what is in the way.',
  },
  API_ERR_FLEET_SILENT: {
    status: 503,
    title: 'The supervisor gave no figures',
    message: 'The figures are those of the whole fleet, and the supervisor that has them did not answer in time.',
    remedy: 'Try again after `retry-after`; `/health/detailed` has the figures of one worker.',
  },
  API_ERR_OVERLOADED: {
    status: 503,
    title: 'The server is overloaded',
    message: 'The worker is short of memory and takes only requests of a higher priority.',
    remedy: 'Send it again after `retry-after`; look at `memory_*` and the log for what takes the memory.',
  },
  API_ERR_PASSWORDS_BUSY: {
    status: 503,
    title: 'Too many are signing in',
    message: 'Checking a password is costly on purpose, and more were waiting for it than can be served in time.',
    remedy: 'Try again after `retry-after`.',
  },
  API_ERR_DEADLINE: {
    status: 503,
    title: 'The answer was not ready in time',
    message: "The request's time ran out: the API's own limit, or the deadline that the balancer passed on.",
    remedy: 'Try again after `retry-after`.',
  },
} as const satisfies Record<string, ErrorDefinition>

export type ApiErrorCode = keyof typeof API_ERRORS

export interface ApiErrorOptions {
  /** What really happened; for the log only. */
  readonly cause?: unknown
  /** Every field that was refused. */
  readonly issues?: readonly ProblemIssue[]
  /** Seconds after which another try may succeed. */
  readonly retryAfterS?: number
}

/** A failure that has an answer: thrown anywhere below a route, sent as problem details by the error handler. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly status: number
  readonly title: string
  readonly issues: readonly ProblemIssue[] | undefined
  readonly retryAfterS: number | undefined

  /** @param detail what happened this time and what to do about it, safe for the client to read */
  constructor(code: ApiErrorCode, detail: string, options: ApiErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    const definition = API_ERRORS[code]
    this.code = code
    this.status = definition.status
    this.title = definition.title
    this.issues = options.issues
    this.retryAfterS = options.retryAfterS
  }
}

/** Codes that stop the program or one of its commands. */
export const SETUP_ERRORS = {
  API_ERR_SIGNING_KEYS: {
    message: 'The keys that sign access tokens are unusable: none, one too short, two of one id, or none to sign with.',
    remedy: 'Give at least one of 32 random bytes or more, each with an id of its own, and say which one signs.',
  },
  API_ERR_ROUTE_WITHOUT_ACCESS: {
    message: 'A route was registered that does not say who may call it.',
    remedy: 'Add `access` to its config: public, user, author, self or operator.',
  },
  API_ERR_ROUTE_UNDOCUMENTED: {
    message: 'A route was registered that the OpenAPI document would not describe.',
    remedy: 'Give its schema a summary, a tag, a response, and params for what its path takes.',
  },
  API_ERR_COMMAND: {
    message: 'The database program was called without a command, or with one that it does not have.',
    remedy: 'Give `migrate`, `plan`, `rehearse`, `repair`, `seed`, `reset` or `verify`.',
  },
  API_ERR_DATABASE_CONNECT: {
    message: 'The database can not be reached, does not exist, or refuses the credentials.',
    remedy: 'Start it, or correct DATABASE_URL.',
  },
  API_ERR_SCHEMA_BEHIND: {
    message: 'The database lacks migrations that this version needs.',
    remedy: 'Run `npm run db:migrate`.',
  },
  API_ERR_MIGRATION_NAME: {
    message: 'A file in the migrations folder is not named `NNNN_name.sql`, or two share a number.',
    remedy: 'Rename it.',
  },
  API_ERR_MIGRATION_CHANGED: {
    message: 'A migration that is applied differs from its file.',
    remedy: 'Restore the file and write a new migration.',
  },
  API_ERR_MIGRATION_ORDER: {
    message: 'A migration is missing, or new below the last one that is applied.',
    remedy: 'Restore the file, or give the new one the next number.',
  },
  API_ERR_MIGRATION_FAILED: {
    message: "A migration's SQL failed; its transaction was rolled back.",
    remedy: 'Correct the file at the line of the message and run the command again.',
  },
  API_ERR_MIGRATION_INTERRUPTED: {
    message: 'A run was cut off in a migration that runs outside a transaction, or its last answer was lost.',
    remedy:
      'See what the message says; for a file that was begun: look at the database, then `repair NUMBER pending` or `done`.',
  },
  API_ERR_MIGRATION_SESSION: {
    message: 'The connection is a pooler in transaction mode, or the ledger of migrations has not what was asked for.',
    remedy: "Give the server's own address, DATABASE_DIRECT_URL; or correct what the message names.",
  },
  API_ERR_MIGRATION_LOCKED: {
    message: 'Another process has held the migration lock for two minutes.',
    remedy: 'Wait for it, or end it.',
  },
  API_ERR_DEMO_DATA: {
    message: 'Demo data can not be loaded beside other rows, or another size of it.',
    remedy: 'Use an empty database, or the command `reset`.',
  },
  API_ERR_INDEXES: {
    message: 'Indexes are missing, not as declared, invalid or needless, or a listed query does not use its own.',
    remedy: 'Do what the lines above the message say; `ANALYZE` first if the data has just been loaded.',
  },
  API_ERR_ADVICE_REFUSED: {
    message: 'Indexes can not be tried out in production: building one locks its table.',
    remedy: 'Run `verify --advise` on a copy.',
  },
  API_ERR_RESET_REFUSED: {
    message: 'The database may not be emptied: this is production, or it holds tables that are not ours.',
    remedy: 'Check DATABASE_URL and NODE_ENV.',
  },
} as const satisfies Record<string, { readonly message: string; readonly remedy: string }>

export type SetupErrorCode = keyof typeof SETUP_ERRORS

/** A failure of start-up or of a command: its message is one line that says what, where, why and what to do. */
export class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly code: SetupErrorCode

  constructor(code: SetupErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
