import t from 'tap'
import { createHostCheck, createTokenCheck } from '../../src/control/access.ts'

await t.test('only the whole token passes, with the scheme in any case', t => {
  const isToken = createTokenCheck('correct-horse-battery')
  t.ok(isToken('Bearer correct-horse-battery'))
  t.ok(isToken('bearer  correct-horse-battery'))
  for (const wrong of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer correct-horse',
    'Bearer correct-horse-battery-staple',
    'Basic correct-horse-battery',
    'correct-horse-battery',
    'Bearer x, Bearer correct-horse-battery',
  ]) {
    t.notOk(isToken(wrong), String(wrong))
  }
  t.end()
})

await t.test('loopback and the names that are given are the own host, nothing else is', t => {
  const isOwn = createHostCheck(['192.0.2.7', 'Fleet.internal'])
  for (const own of [
    'localhost',
    'LOCALHOST:9902',
    '127.0.0.1',
    '127.9.9.9:1',
    '[::1]:9902',
    '[::1]',
    '192.0.2.7:9902',
    'fleet.INTERNAL',
  ]) {
    t.ok(isOwn(own), own)
  }
  for (const other of [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.evil.example',
    'evil.example:9902',
    'localhost:9902:1',
    'localhost@evil.example',
    '192.0.2.8',
    '[::2]',
    '::1:9902',
  ]) {
    t.notOk(isOwn(other), String(other))
  }
  t.end()
})
