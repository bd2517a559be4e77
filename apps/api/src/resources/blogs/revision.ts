// What tells one state of a blog from another: for caches, and for who changes what they have read.
//
//     ETag: "3-kV9d0a"        version 3, by an author of this name
//
// * The tag is strong, as If-Match needs it (RFC 9110, 13.1.1). Everything of a blog's own raises its version; the author's name, which the answer shows too and a blog
//   knows nothing about, is in the tag by itself, and so is the shape of the answer, which a release may change. So what was read stays valid exactly as long as it would
//   be answered again.
// * `If-Match` takes that tag, and `"3"`: a PUT's answer may carry no tag, since what's stored is more than what was sent (RFC 9110, 9.3.4), but it says its version.
// * `If-Match: *` is refused: it would be true of any version, and the condition is there to exclude that.
import { hash } from 'node:crypto'
import { ApiError } from '../../errors.ts'
import { matchNames, parseTags } from '../../http/entity-tag.ts'
import { Blog } from './schema.ts'

/** What of a blog its tag depends on. */
export type Revision = Pick<Blog, 'version' | 'author'>

/** Tells whether this is what the client has read. */
export type IsExpected = (current: Revision) => boolean

const HASH_CHARACTERS = 6
/** What a blog looks like: an answer of another release may have other fields. */
const SHAPE = JSON.stringify(Blog)

export function entityTag({ version, author }: Revision): string {
  return `"${version}-${hash('sha256', `${SHAPE}${author.name}`, 'base64url').slice(0, HASH_CHARACTERS)}"`
}

/**
 * Reads a condition.
 * @throws API_ERR_PRECONDITION_REQUIRED without one, API_ERR_VALIDATION for what is none
 */
export function expectedBy(ifMatch: string | undefined): IsExpected {
  if (ifMatch === undefined || ifMatch.trim() === '*')
    throw new ApiError(
      'API_ERR_PRECONDITION_REQUIRED',
      'Say what you have read: `If-Match` with the ETag of the answer, or with its version in quotes.',
    )
  if (parseTags(ifMatch).length === 0)
    throw new ApiError('API_ERR_VALIDATION', 'Not valid: headers.if-match.', {
      issues: [{ field: 'headers.if-match', message: 'must be entity tags in quotes, as "3"' }],
    })
  return current => matchNames(ifMatch, entityTag(current)) || matchNames(ifMatch, `"${current.version}"`)
}
