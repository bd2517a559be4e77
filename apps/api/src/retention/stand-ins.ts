// Stand-ins of users who were erased go when nothing refers to them any more: the course that they stood for was deleted, or the deal is past its time. By no age, and
// without an option: they say nothing of anybody.
//
// They are locked first and looked at again by a statement of its own: whoever refers to one holds its key until the commit, so it's passed over until then, and seen
// after it. In one statement the condition would be that of its beginning, and what came meanwhile would go by its foreign key, or fail the sweep by it.

/** Every column by which a user is referred to. A test compares them with the catalogue: one that's missing would take its rows with it. */
export const USER_REFERENCES: readonly (readonly [table: string, column: string])[] = [
  // What stand-ins are for.
  ['courses', 'instructor_id'],
  ['uploads', 'user_id'],
  ['pitches', 'founder_id'],
  ['pitch_scores', 'user_id'],
  ['ndas', 'user_id'],
  ['investments', 'investor_id'],
  // And what they shouldn't have.
  ['blogs', 'author_id'],
  ['credentials', 'user_id'],
  ['enrolments', 'user_id'],
  ['notifications', 'user_id'],
  ['pitch_views', 'viewer_id'],
  ['progress', 'user_id'],
  ['sessions', 'user_id'],
  ['token_families', 'user_id'],
  ['user_badges', 'user_id'],
  ['user_streaks', 'user_id'],
  ['user_tokens', 'user_id'],
  ['wallets', 'user_id'],
]

const IS_UNUSED = `u.erasure = 'done' and ${USER_REFERENCES.map(
  ([table, column]) => `not exists (select from ${table} r where r.${column} = u.id)`,
).join(' and ')}`

/** Gives the `id` of some, locked. Takes $1 the most rows. */
export const CHOOSE_STAND_INS = `
  select u.id from users u where ${IS_UNUSED} order by u.id limit $1::bigint for update of u skip locked`

/** Takes $1 the ids; gives the `id` of each that is gone. */
export const DELETE_STAND_INS = `
  delete from users u where u.id = any($1::bigint[]) and ${IS_UNUSED} returning u.id`
