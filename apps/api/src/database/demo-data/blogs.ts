// Blogs.
//
// Cases: several created in the very same millisecond, two of them or, by an import, six; drafts and archived ones; tags that most have, that three have, that only
// drafts have; none, and ten; authors with very many and with drafts only; texts shorter than an excerpt, and cut in the middle of a character by who counts wrong.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { blogTexts, type BlogLength } from './blog-texts.ts'
import { CATALOGUE_DAYS, DAY_MS, HOUR_MS, NOW_MS, between, moment, time } from './calendar.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import type { People } from './people.ts'
import { slugOf } from './phrasing.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface Blogs {
  readonly table: DemoTable
  /** Those that are published, oldest first. */
  readonly published: readonly { readonly author: number; readonly ms: number }[]
}

interface PlannedBlog {
  readonly id: number
  readonly author: number
  readonly status: 'draft' | 'published' | 'archived'
  readonly ms: number
}

const SPAN = { fromMs: NOW_MS - CATALOGUE_DAYS * DAY_MS, toMs: NOW_MS - HOUR_MS }
/** Among so many, one has the time of the one before it. */
const ONE_TWIN_IN = 12
/** Came in one statement. */
const IMPORT = { first: 26, last: 31 }
const ONE_DRAFT_IN = 10
const ONE_ARCHIVED_IN = 20
/** Besides the instructors. */
const ONE_AUTHOR_IN = 3
const [PUNCH_CARDS = '', ESPERANTO = '', SLIDE_RULES = ''] = vocabulary.blogs.rareTags
/** Blogs, by number, that have a tag besides their others. */
const RARE_TAGS = new Map([
  [21, PUNCH_CARDS],
  [22, PUNCH_CARDS],
  [83, PUNCH_CARDS],
  [41, ESPERANTO],
  [14, SLIDE_RULES],
  [34, SLIDE_RULES],
])
const MANY_TAGS = { blog: 50, count: 10 }

export function createBlogs(size: DemoSize, totals: Totals, people: People): Blogs {
  const blogs = [...planBlogs(totals.blogs, people, createRandom(`${size} blogs`))]
  return {
    table: {
      name: 'blogs',
      columns: words('id author_id slug title content tags status version created_at updated_at'),
      total: totals.blogs,
      rows: () => blogRows(blogs, createRandom(`${size} blog texts`)),
    },
    published: blogs.filter(({ status }) => status === 'published'),
  }
}

function* planBlogs(total: number, { active, instructors }: People, random: Random): Iterable<PlannedBlog> {
  const authors = [...instructors, ...active.filter((_, index) => index % ONE_AUTHOR_IN === 0)]
  let ms = 0
  for (let id = 1; id <= total; id += 1) {
    const nextMs = moment(id - 1, total, SPAN, random)
    const isTwin = id % ONE_TWIN_IN === 0 || (id > IMPORT.first && id <= IMPORT.last)
    if (!isTwin) ms = nextMs
    const status = id % ONE_DRAFT_IN === 4 ? 'draft' : id % ONE_ARCHIVED_IN === 7 ? 'archived' : 'published'
    yield { id, author: random.pickEarly(authors), status, ms }
  }
}

function* blogRows(blogs: readonly PlannedBlog[], random: Random): Iterable<Row> {
  const slugs = new Set<string>()
  for (const { id, author, status, ms } of blogs) {
    const { category, title, content } = blogTexts(lengthOf(id), random)
    const slug = slugOf(title)
    const unique = slugs.has(slug) ? `${slug}-${id}` : slug
    slugs.add(unique)
    const version = random.chance(0.3) ? random.integer(2, 5) : 1
    const updatedMs = version === 1 ? ms : between(ms + 1, NOW_MS, random)
    const tags = `{${tagsOf(id, category, random).join(',')}}`
    yield [id, author, unique, title, content, tags, status, version, time(ms), time(updatedMs)]
  }
}

function lengthOf(id: number): BlogLength {
  if (id % 15 === 3) return 'sentence'
  if (id % 15 === 8) return 'cut'
  return id % 40 === 12 ? 'long' : 'usual'
}

/** Each once. Words of small letters and hyphens, so that PostgreSQL's notation for arrays needs no quotes. */
function tagsOf(id: number, category: string, random: Random): readonly string[] {
  const { tags } = vocabulary.blogs
  if (id === MANY_TAGS.blog) return tags.slice(0, MANY_TAGS.count)
  const rare = RARE_TAGS.get(id)
  if (rare === undefined && random.chance(0.08)) return []
  const common = Array.from({ length: random.integer(0, 4) }, () => random.pickEarly(tags))
  return [...new Set([category, ...common, ...(rare === undefined ? [] : [rare])])]
}
