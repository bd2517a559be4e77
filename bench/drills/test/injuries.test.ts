import t from 'tap'
import { inflict, injuredUpstreams, type Patients } from '../src/injuries.ts'
import { FULL_PLAN, type Injury, type Phase } from '../src/phases.ts'

const [calm] = FULL_PLAN.phases
const phase = (injury: Injury): Phase => {
  if (!calm) throw new Error('the plan is empty')
  return { ...calm, injury, injureAfterMs: 0, injuredForMs: 0, betweenRestartsMs: 0 }
}

async function done(injury: Injury, signal = new AbortController().signal): Promise<string[]> {
  const said: string[] = []
  const note = async (...words: string[]) => void said.push(words.join(' '))
  const patients: Patients = {
    names: ['a', 'b'],
    injure: (name, fault) => note('injure', name, fault),
    kill: async (name, onKill) => {
      onKill('killed')
      await note('kill', name)
      onKill('gone')
    },
    drain: name => note('drain', name),
    restart: name => note('restart', name),
  }
  await inflict(phase(injury), { patients, onKill: at => void said.push(at), signal })
  return said
}

await t.test('whoever is injured is healed in the same phase', async t => {
  t.same(await done({ kind: 'none' }), [])
  t.same(await done({ kind: 'fault', upstream: 'b', fault: 'hang' }), ['injure b hang', 'injure b none'])
  t.same(await done({ kind: 'kill', upstream: 'a' }), ['killed', 'kill a', 'gone', 'restart a'])
})

await t.test('a rolling restart takes one after the other, each up again before the next', async t => {
  t.same(await done({ kind: 'roll' }), ['drain a', 'restart a', 'drain b', 'restart b'])
})

await t.test('a signal ends it', async t => {
  await t.rejects(done({ kind: 'roll' }, AbortSignal.abort()), { name: 'AbortError' })
})

await t.test('who is injured is known from the phase', async t => {
  t.same(injuredUpstreams(phase({ kind: 'none' }), ['a', 'b']), [])
  t.same(injuredUpstreams(phase({ kind: 'kill', upstream: 'b' }), ['a', 'b']), ['b'])
  t.same(injuredUpstreams(phase({ kind: 'roll' }), ['a', 'b']), ['a', 'b'])
})
