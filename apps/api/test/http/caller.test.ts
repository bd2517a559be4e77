import t from 'tap'
import { RequestCaller } from '../../src/http/caller.ts'

/** A deadline that counts how often somebody wanted to listen. */
function deadline() {
  const controller = new AbortController()
  let asked = 0
  return {
    controller,
    asked: () => asked,
    get signal() {
      asked++
      return controller.signal
    },
    remainingMs: () => 1000,
  }
}

await t.test('what is told of several reads is the worst: the furthest place and the shortest freshness', async t => {
  const caller = new RequestCaller(deadline(), () => undefined)
  t.same([caller.servedFrom, caller.freshLeftMs], [undefined, Number.POSITIVE_INFINITY], 'nothing was read')
  caller.onServed('machine', 500)
  caller.onServed('memory', 900)
  t.same([caller.servedFrom, caller.freshLeftMs], ['machine', 500])
  caller.onServed('loaded', 700)
  caller.onServed('far', -20)
  t.same([caller.servedFrom, caller.freshLeftMs], ['loaded', -20])
})

await t.test('a signal is made when it is asked for', async t => {
  const from = deadline()
  let waits = 0
  const caller = new RequestCaller(from, () => void waits++)
  caller.onServed('memory', 1)
  t.same([from.asked(), waits], [0, 0])
  t.equal(caller.signal, from.controller.signal)
  t.equal(caller.signal, from.controller.signal)
  t.equal(waits, 1, 'and whoever wants to know is told once')
})
