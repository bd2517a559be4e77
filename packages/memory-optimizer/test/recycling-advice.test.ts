import t from 'tap'
import type { LeakVerdict } from '../src/leak/leak-detector.ts'
import type { MemorySample } from '../src/monitor/memory-sample.ts'
import { RecyclingAdviser } from '../src/recycling-advice.ts'

/** What an adviser says in each second, of samples that are made from the second's number. */
function advice(
  seconds: number,
  sampleAt: (second: number) => Partial<MemorySample>,
  leakAt: (second: number) => LeakVerdict | undefined = () => undefined,
): string[] {
  const adviser = new RecyclingAdviser()
  const said: string[] = []
  for (let second = 0; second < seconds; second++) {
    const sample = {
      atMs: second * 1000,
      level: 'normal',
      signal: 'heap',
      heapRatio: 0.97,
      shareRatio: 0.6,
      containerRatio: 0.2,
      fragmentation: 0,
      privateBytes: 300 * 1024 * 1024,
      ...sampleAt(second),
    } as MemorySample
    const given = adviser.next(sample, leakAt(second))
    if (given !== undefined) said.push(`${second} s ${given.reason}: ${given.detail}`)
  }
  return said
}

await t.test('an emergency that passes is no reason; one that lasts is, once in ten minutes', async t => {
  t.same(
    advice(100, second => ({ level: second > 5 && second < 14 ? 'emergency' : 'normal' })),
    [],
  )
  t.same(
    advice(620, () => ({ level: 'emergency' })),
    ['10 s emergency: heap at 97 % of its limit for 10 s', '610 s emergency: heap at 97 % of its limit for 610 s'],
  )
})

await t.test('the third emergency within an hour is a reason, however short', async t => {
  const at = (...starts: number[]): string[] =>
    advice(7300, second => ({ level: starts.some(start => second === start) ? 'emergency' : 'critical' }))
  t.same(at(100, 1000, 2000), ['2000 s emergency: heap at 97 % of its limit for the 3rd time in an hour'])
  t.same(at(100, 3000, 7200), [])
})

await t.test('fragmentation is a reason when it lasts and memory is half full', async t => {
  t.same(
    advice(400, () => ({ fragmentation: 0.45 })),
    ['300 s fragmentation: neither heap nor buffers explain 45 % of 300 MiB'],
  )
  t.same(
    advice(400, () => ({ fragmentation: 0.45, shareRatio: 0.3 })),
    [],
  )
  t.same(advice(400, () => ({ fragmentation: 0.45, shareRatio: 0.3, containerRatio: 0.6 })).length, 1)
  t.same(
    advice(400, second => ({ fragmentation: second === 200 ? 0.3 : 0.45 })),
    [],
    'it has to last',
  )
})

await t.test(
  'a leak is a reason for as long as its detector says so, once in ten minutes however often it changes',
  async t => {
    const leak = {
      kind: 'leak',
      memory: 'heap',
      slopeMibPerMinute: 2.5,
      timeToLimitMs: 2 * 3_600_000,
      confidence: 0.999,
    } as LeakVerdict
    const words = 'leak: heap memory grows by 2.50 MiB a minute (100 % sure that it does), and is full in 2.0 h'
    t.same(
      advice(
        700,
        () => ({}),
        second => ({ ...leak, advice: second < 20 ? 'warn' : second % 2 === 0 ? 'recycle' : 'none' }),
      ),
      [`20 s ${words}`, `620 s ${words}`],
    )
  },
)
