// Whoever waits gets one answer, whatever goes wrong while it's made.
import t from 'tap'
import { orOlder } from '../src/waiting.ts'

const fails = (why: string) => () => {
  throw new Error(why)
}

await t.test('a value that can’t be given counts as one that wasn’t loaded', async t => {
  const give = { loaded: fails('no copy'), older: () => Promise.resolve('older') }
  t.equal(await orOlder(Promise.resolve('new'), undefined, give), 'older')
  t.equal(await orOlder(Promise.resolve('new'), 60_000, give), 'older')
})

await t.test('when neither can be given the caller learns of it, at whichever moment that shows', async t => {
  const give = { loaded: fails('no copy'), older: fails('no older one') }
  const never = new Promise<string>(() => {})
  for (const [result, waitMs] of [
    [Promise.resolve('new'), undefined],
    [Promise.reject(new Error('down')), undefined],
    [never, 0],
    [never, 1],
  ] as const) {
    await t.rejects(orOlder<string>(result, waitMs, give), { message: 'no older one' })
  }
})
