import t from 'tap'
import { checkChannelName } from '../../src/listen/channel-name.ts'

await t.test('takes what the server takes: any characters, up to 63 bytes', t => {
  for (const name of [
    'a',
    'Some Case',
    'with "quotes"',
    "it's; drop table x --",
    'x'.repeat(63),
    'ä'.repeat(31),
    '🚢',
  ]) {
    t.doesNotThrow(() => checkChannelName(name), name)
  }
  t.end()
})

await t.test('refuses what it would cut off, or no text can say, and says how long it is', t => {
  for (const name of ['', 'x'.repeat(64), 'ä'.repeat(32), 'a\0b', '\ud800', 7, undefined]) {
    t.throws(() => checkChannelName(name), { code: 'DB_ERR_OPTION' }, JSON.stringify(name))
  }
  t.throws(() => checkChannelName('ä'.repeat(32)), { message: /1 to 63 bytes.*with 64 bytes/ })
  t.end()
})
