import t from 'tap'
import { StderrTail } from '../src/stderr-tail.ts'

await t.test('keeps everything while it is short', t => {
  const tail = new StderrTail()
  tail.push(Buffer.from('one\ntw'))
  tail.push(Buffer.from('o\n'))
  t.equal(tail.toString(), 'one\ntwo\n')
  t.end()
})

await t.test('keeps the last 4 kB from the beginning of a line', t => {
  const tail = new StderrTail()
  for (let line = 0; line < 1000; line++) tail.push(Buffer.from(`line ${String(line).padStart(4, '0')}\n`))
  const text = tail.toString()
  t.ok(text.length <= 4096 && text.length > 4000)
  t.match(text, /^line \d{4}\n/)
  t.ok(text.endsWith('line 0999\n'))
  t.end()
})

await t.test('a line longer than that is cut', t => {
  const tail = new StderrTail()
  tail.push(Buffer.from('x'.repeat(10_000)))
  t.equal(tail.toString(), 'x'.repeat(4096))
  t.end()
})
