// The suite's own way from its options to its figures, through three whole stacks.
import t from 'tap'
import { suite } from '../../src/suites/sign-in-flood.ts'
import { RecordedIo } from '../recorded-io.ts'

// A database, three stacks and their workers are started: on a busy machine that takes its time.
t.setTimeout(180_000)

await t.test('the suite, short: with limits and without, reads are all answered, and nobody gets in', async t => {
  const recorded = new RecordedIo(t)
  await suite.run(recorded.io('--quick'))
  const { text } = recorded
  t.match(
    text,
    /2 workers; 50 reads\/s from 20 addresses, and in every second window 100 wrong logins\/s from one other or 40/,
  )
  t.match(text, /many addresses: \d+ wrong logins: /)
  t.match(text, /the limits let 20 through at most/)
  t.match(text, /nothing limits them/)
  t.match(text, /the file\n$/)
  const { variants } = recorded.figures as unknown as { variants: readonly Figures[] }
  t.same(
    variants.map(({ name }) => name),
    ['one address', 'many addresses', 'no limits'],
  )
  for (const { name, failedReads, hashed, hashedAtMost } of variants) {
    t.equal(failedReads, 0, name)
    t.ok(hashed > 0 && hashed <= (hashedAtMost ?? Infinity), `${name}: ${hashed}`)
  }
})

await t.test('rates and rounds are bounded before anything is started', async t => {
  const recorded = new RecordedIo(t)
  await t.rejects(
    suite.run(recorded.io('--rate', '2001')),
    /--rate has to be a whole number from 1 to 2000, not "2001"/,
  )
  await t.rejects(suite.run(recorded.io('--rounds', '0')), /--rounds has to be a whole number from 1 to 50/)
  await t.rejects(suite.run(recorded.io('--only', 'all')), /--only: there is no "all"; there are: one address, /)
  t.equal(recorded.text, '')
})

interface Figures {
  readonly name: string
  readonly failedReads: number
  readonly hashed: number
  readonly hashedAtMost: number | null
}
