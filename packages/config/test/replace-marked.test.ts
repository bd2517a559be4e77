import t from 'tap'
import { replaceMarked } from '@plimsoll/config'

const TEXT = '# Title\n\n<!-- options:start -->\n\nold $& text\n\n<!-- options:end -->\n\nrest\n'

await t.test('the text between the markers is replaced, and doing it twice changes nothing', async t => {
  const once = replaceMarked(TEXT, 'options', 'new $1 body\n')
  t.equal(once, '# Title\n\n<!-- options:start -->\n\nnew $1 body\n\n<!-- options:end -->\n\nrest\n')
  t.equal(replaceMarked(once, 'options', 'new $1 body'), once)
})

await t.test('other markers are left alone', async t => {
  const both = `${TEXT}<!-- errors:start --><!-- errors:end -->`
  t.ok(replaceMarked(both, 'errors', 'E').startsWith(TEXT))
})

await t.test('a marker that is missing, doubled or behind its end is an error that names it', async t => {
  const code = 'CONFIG_ERR_MARKER_MISSING'
  t.throws(() => replaceMarked('none', 'options', ''), { code, message: /<!-- options:start --> stands nowhere/ })
  t.throws(() => replaceMarked('<!-- options:start -->', 'options', ''), {
    code,
    message: /options:end --> stands nowhere/,
  })
  t.throws(() => replaceMarked(TEXT + TEXT, 'options', ''), { code, message: /2 times/ })
  t.throws(() => replaceMarked('<!-- a:end --><!-- a:start -->', 'a', ''), { code, message: /before/ })
})
