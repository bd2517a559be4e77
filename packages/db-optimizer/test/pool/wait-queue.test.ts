import fc from 'fast-check'
import t from 'tap'
import { PRIORITIES, type Priority, WaitQueue, type Waiting } from '../../src/pool/wait-queue.ts'

interface Named extends Waiting {
  readonly id: number
}

await t.test('behaves like a sorted list, whatever is pushed, taken and left', t => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), priority: fc.constantFrom(...PRIORITIES) }),
    fc.record({ do: fc.constant('take' as const) }),
    fc.record({ do: fc.constant('leave' as const), which: fc.nat(20) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 0, max: 6 }), (steps, max) => {
      const queue = new WaitQueue<Named>(max)
      let model: Named[] = []
      let nextId = 0
      const rank = (priority: Priority): number => PRIORITIES.indexOf(priority)
      for (const one of steps) {
        if (one.do === 'push') {
          const waiter: Named = { id: nextId++, priority: one.priority, settled: false }
          const lowest = model.toSorted((a, b) => rank(b.priority) - rank(a.priority) || b.id - a.id)[0]
          const expected =
            model.length < max ? undefined : lowest && rank(lowest.priority) > rank(one.priority) ? lowest : waiter
          if (queue.push(waiter) !== expected) return false
          if (expected !== waiter) model.push(waiter)
          model = model.filter(other => other !== expected)
        } else if (one.do === 'take') {
          const expected = model.toSorted((a, b) => rank(a.priority) - rank(b.priority) || a.id - b.id)[0]
          if (queue.take() !== expected) return false
          model = model.filter(other => other !== expected)
        } else {
          const waiter = model[one.which]
          if (waiter === undefined) continue
          if (!queue.leave(waiter) || queue.leave(waiter)) return false
          model = model.filter(other => other !== waiter)
        }
        if (queue.size !== model.length) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.pass('300 runs')
  t.end()
})
