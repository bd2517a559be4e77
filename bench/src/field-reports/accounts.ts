// Users of the demo data who can sign in: the demo data has no passwords, so some users are given one before anything is measured.
//
// All of them have the same password, drawn for the run, and the same hash of it: what verifying costs depends on neither, and hashing it once for each would take longer
// than the rest of the preparations.
import { randomBytes } from 'node:crypto'
import { hash } from '@node-rs/argon2'
import postgres from 'postgres'
import { ARGON2 } from '../naive/setting.ts'

export interface Account {
  readonly userId: number
  readonly email: string
  readonly password: string
}

/** In the order of their ids, spread over all users. */
export async function giveAccounts(url: string, count: number): Promise<Account[]> {
  const password = randomBytes(18).toString('base64url')
  const passwordHash = await hash(password, ARGON2)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const rows = await sql<{ id: string; email: string }[]>`
      with chosen as (
        select id, email from (select id, email, row_number() over (order by id) as place, count(*) over () as total from users) u
        where place % greatest(total / ${count}, 1) = 0 order by id limit ${count}
      ), stored as (
        insert into credentials (user_id, password_hash) select id, ${passwordHash} from chosen
      )
      select id, email from chosen order by id`
    if (rows.length < count) throw new Error(`${rows.length} users are too few for ${count} accounts`)
    return rows.map(({ id, email }) => ({ userId: Number(id), email, password }))
  } finally {
    await sql.end({ timeout: 5 })
  }
}
