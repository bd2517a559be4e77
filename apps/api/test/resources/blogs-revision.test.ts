import t from 'tap'
import { entityTag, expectedBy } from '../../src/resources/blogs/revision.ts'

const blog = { version: 3, author: { id: 1, name: 'Ann' } }

await t.test('the tag is strong, and changes with the version and with the author’s name alone', t => {
  const tag = entityTag(blog)
  t.match(tag, /^"3-[\w-]{6}"$/)
  t.equal(entityTag({ ...blog, author: { id: 2, name: 'Ann' } }), tag)
  t.not(entityTag({ ...blog, version: 4 }), tag)
  t.not(entityTag({ ...blog, author: { id: 1, name: 'Anna' } }), tag)
  t.end()
})

await t.test('what is expected is the tag, in whichever coding it came, or the version in quotes', t => {
  const tag = entityTag(blog)
  const coded = (coding: string) => `${tag.slice(0, -1)};${coding}"`
  for (const field of [tag, coded('br'), coded('gzip'), '"3"', `"1", ${tag}`, '"9" , "3"', ` ${tag} `, `W/"3", "3"`])
    t.ok(expectedBy(field)(blog), field)
  const renamed = { ...blog, author: { id: 1, name: 'Anna' } }
  for (const field of [entityTag({ ...blog, version: 4 }), entityTag(renamed), '"4"', '"2", "4"', '"03"', '"3;"', '""'])
    t.notOk(expectedBy(field)(blog), field)
  t.ok(expectedBy('"3"')(renamed), 'a name is nothing that a change could overwrite')
  t.end()
})

await t.test('a weak tag names nothing: it may stand for what differs', t => {
  for (const field of ['W/"3"', `W/${entityTag(blog)}`, 'W/"3", "2"']) t.notOk(expectedBy(field)(blog), field)
  t.end()
})

await t.test('without a condition, or with one that is always true, nothing may be changed', t => {
  for (const field of [undefined, '*', ' * '])
    t.throws(() => expectedBy(field), { code: 'API_ERR_PRECONDITION_REQUIRED', status: 428 }, String(field))
  t.end()
})

await t.test('what is no list of tags is refused by its name, not taken for one that does not match', t => {
  for (const field of ['3', 'three', '"3', '3"', "'3'", '', ',', '"3" "4"', 'w/"3"', '"3", *', '"3\u007f"'])
    t.throws(
      () => expectedBy(field),
      { code: 'API_ERR_VALIDATION', status: 400, issues: [{ field: 'headers.if-match' }] },
      encodeURIComponent(field),
    )
  t.end()
})
