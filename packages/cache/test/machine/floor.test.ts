// The floor of a map that forgets: whatever is invalidated in which order, nothing that was invalidated passes for untouched, and nothing younger than the floor is
// touched by it.
import fc from 'fast-check'
import t from 'tap'
import { LmdbMachineMap } from '../../src/lmdb/lmdb-machine-map.ts'
import { LocalMachineMap } from '../../src/machine/local-machine-map.ts'
import type { LastChange, MachineMap } from '../../src/machine/machine-map.ts'
import { memoryFolder } from '../lmdb/fixture/folder.ts'

const MAX_SUBJECTS = 8
const MAX_AT_ONCE = 4
const SUBJECTS = Array.from({ length: 12 }, (_, index) => `t${index}`)
const NEVER = 'tnever'

interface Step {
  readonly subjects: readonly string[]
  readonly position: number
}

const steps = fc.array(
  fc.record<Step>({
    subjects: fc.subarray(SUBJECTS, { minLength: 1, maxLength: MAX_AT_ONCE }),
    position: fc.oneof(fc.constant(0), fc.nat({ max: 30 })),
  }),
  { minLength: 1, maxLength: 40 },
)

/** What's wrong with the map after the steps; undefined: nothing. */
async function faultOf(map: MachineMap, plan: readonly Step[]): Promise<string | undefined> {
  const truth = new Map<string, LastChange>()
  for (const { subjects, position } of plan) {
    const before = map.sequence()
    const places = new Map(subjects.map(subject => [subject, map.lastChange(subject)]))
    const sequence = await map.invalidate(subjects, position)
    for (const subject of subjects) {
      const known = truth.get(subject) ?? { sequence: 0, position: 0 }
      const applied = position > 0 && known.position >= position
      // What the map has forgotten it may apply once more.
      const present = map.lastChange(subject)
      if (!applied && present.sequence < sequence) return `${subject} isn't at ${sequence}`
      if (sequence === before && !applied) return `${subject} wasn't invalidated`
      const isNew = sequence > before && present.sequence === sequence && places.get(subject)?.sequence !== sequence
      if (isNew) truth.set(subject, { sequence, position: Math.max(known.position, position) })
    }
    const floor = map.lastChange(NEVER)
    for (const subject of SUBJECTS) {
      const real = truth.get(subject) ?? { sequence: 0, position: 0 }
      const told = map.lastChange(subject)
      if (told.sequence < real.sequence || told.position < real.position) return `${subject} passes for untouched`
      if (told.sequence > Math.max(real.sequence, floor.sequence)) return `${subject} is touched above the floor`
    }
    for (let from = 0; from <= map.sequence(); from++) {
      const changes = map.changesAfter(from)
      const isRecent = map.sequence() - from <= MAX_SUBJECTS / MAX_AT_ONCE
      if (changes === undefined ? isRecent : changes.length !== map.sequence() - from) return `changes after ${from}`
    }
    if (map.sequence() - floor.sequence < 1) return 'the floor has reached the present'
  }
  return undefined
}

async function check(numRuns: number, make: () => Promise<MachineMap>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(steps, async plan => {
      const map = await make()
      try {
        const fault = await faultOf(map, plan)
        if (fault !== undefined) throw new Error(fault)
      } finally {
        await map.close()
      }
    }),
    { numRuns },
  )
}

await t.test('in one process', () => check(200, async () => new LocalMachineMap({ maxSubjects: MAX_SUBJECTS })))

await t.test('in shared memory', async t => {
  const folder = memoryFolder(t)
  let maps = 0
  await check(40, async () => {
    const map = new LmdbMachineMap({ folder, name: `map${maps++}`, maxSubjects: MAX_SUBJECTS })
    await map.settled()
    return map
  })
})
