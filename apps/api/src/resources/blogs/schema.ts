// What clients send to and get from the blogs resource. Types of the resource are made from these schemas, so neither can drift from the other.
import { Type, type Static } from 'typebox'
import { Line, Text } from '../../http/text-schema.ts'
import { PageOf, pageParameters } from '../keyset-page.ts'

/** Lists show so much of a text, in code points. */
export const EXCERPT_LENGTH = 200

/** Identities are positive and stay exact in JavaScript. */
const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC, milliseconds.' })
const Status = Type.Enum(['draft', 'published', 'archived'])
const Version = Type.Integer({ minimum: 1, description: 'Raised with every change.' })
/** Spelt in one way only, so that it's one in lists and in the cache. */
const Tag = Type.String({ pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$', maxLength: 40, examples: ['open-source'] })

const Author = Type.Object({ id: Id, name: Type.String() }, { additionalProperties: false })

const blogFields = {
  id: Id,
  slug: Type.String({ description: 'Made from the first title; it stays when the title changes.' }),
  title: Type.String(),
  tags: Type.Array(Type.String()),
  author: Author,
  createdAt: Time,
}

/** A blog as lists show it. */
export const BlogSummary = Type.Object(
  {
    ...blogFields,
    excerpt: Type.String({ description: `The first ${EXCERPT_LENGTH} characters of the text.` }),
    truncated: Type.Boolean({ description: 'Whether the text goes on after the excerpt.' }),
  },
  { additionalProperties: false },
)
export type BlogSummary = Static<typeof BlogSummary>

/** A blog by itself. */
export const Blog = Type.Object(
  { ...blogFields, content: Type.String(), status: Status, version: Version, updatedAt: Time },
  { additionalProperties: false },
)
export type Blog = Static<typeof Blog>

const title = Line({ minLength: 3, maxLength: 160, examples: ['What a queue is for'] })
const content = Text({ minLength: 1, maxLength: 50_000 })
const tags = Type.Array(Tag, { maxItems: 10, uniqueItems: true })

export const NewBlog = Type.Object(
  { authorId: Type.Optional(Id), title, content, tags, status: Type.Optional(Status) },
  {
    additionalProperties: false,
    description: 'Without `status` it is a draft. Its author is who is signed in; operators name one.',
  },
)
export type NewBlog = Static<typeof NewBlog>

/** All that can be changed, and nothing less: what's left out would be a guess. */
export const BlogReplacement = Type.Object({ title, content, tags, status: Status }, { additionalProperties: false })
export type BlogReplacement = Static<typeof BlogReplacement>

export const BlogParams = Type.Object({ id: Id }, { additionalProperties: false })

/** Checked by hand: without it the answer is 428, not 400. */
export const ReplaceHeaders = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      description:
        'The `ETag` of the answer that was read, or its `version` in quotes: the change is made only if the blog is still the same.',
      examples: ['"3"'],
    }),
  ),
})

export const BlogListQuery = Type.Object(
  { ...pageParameters, tag: Type.Optional(Tag), author: Type.Optional(Id) },
  { additionalProperties: false },
)
export type BlogListQuery = Static<typeof BlogListQuery>

export const BlogPage = PageOf(BlogSummary, 'Published blogs, newest first.')

/** For addresses that take no query: a parameter that changes nothing would only make more cache entries. */
export const NoQuery = Type.Object({}, { additionalProperties: false })
