import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { planHeap } from '@plimsoll/supervisor'
import { execArgvFor } from '../src/exec-argv.ts'

const MIB = 2 ** 20

await t.test('small containers work, with one worker and with two', t => {
  t.match(planHeap({ limitBytes: 512 * MIB, workers: 1 }), { oldSpaceMib: 230, semiSpaceMib: 16 })
  const two = planHeap({ limitBytes: 512 * MIB, workers: 2 })
  t.match(two, { oldSpaceMib: 91, semiSpaceMib: 8, execArgv: ['--max-old-space-size=91', '--max-semi-space-size=8'] })
  t.match(two.reason, /^Of 512 MiB 2 workers get 163 MiB each: 91 for the old generation/)
  t.match(planHeap({ limitBytes: 1024 * MIB, workers: 2 }), { oldSpaceMib: 262, semiSpaceMib: 32 })
  t.match(planHeap({ limitBytes: 64 * 1024 * MIB, workers: 4 }), { oldSpaceMib: 4096 }, "not above Node's own limit")
  t.end()
})

await t.test('too many workers for a limit are refused, with the number that fits', t => {
  t.throws(() => planHeap({ limitBytes: 512 * MIB, workers: 8 }), {
    code: 'SUPERVISOR_ERR_OPTION',
    message: /^512 MiB are too little for 8 workers: .* Set 'workers' to 3, or raise the limit\.$/,
  })
  t.doesNotThrow(() => planHeap({ limitBytes: 512 * MIB, workers: 3 }), 'which is true')
  t.throws(() => planHeap({ limitBytes: 200 * MIB, workers: 2 }), { message: /Not even one fits/ })
  t.throws(() => planHeap({ limitBytes: 200 * MIB, workers: 1 }), { message: /for 1 worker: .* Not even one fits/ })
  t.end()
})

await t.test('options that make no sense are refused by name', t => {
  for (const [name, value] of [
    ['workers', 0],
    ['workers', 1.5],
    ['limitBytes', Infinity],
    ['otherBytes', -1],
    ['reserveRatio', 0.6],
  ] as const) {
    t.throws(() => planHeap({ limitBytes: 512 * MIB, workers: 1, [name]: value }), {
      code: 'SUPERVISOR_ERR_OPTION',
      message: new RegExp(`'${name}' is ${value}`),
    })
  }
  t.end()
})

await t.test('whatever the limit: all of it together stays below, and a plan is worth working with', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 65_536 }),
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 0, max: 1024 }),
      (limitMib, workers, otherMib) => {
        try {
          const plan = planHeap({ limitBytes: limitMib * MIB, workers, otherBytes: otherMib * MIB })
          const all = workers * plan.perWorkerBytes + (80 + 80 + otherMib) * MIB
          return all <= limitMib * MIB * 0.95 && plan.oldSpaceMib >= 48 && plan.semiSpaceMib * 3 < plan.oldSpaceMib
        } catch (error) {
          return (error as { code?: string }).code === 'SUPERVISOR_ERR_OPTION'
        }
      },
    ),
    { numRuns: 500 },
  )
  t.end()
})

await t.test("flags that the user gave win over the plan's, wherever they were given", t => {
  const heap = planHeap({ limitBytes: 512 * MIB, workers: 2 })
  const flags = (execArgv: string[], env: Record<string, string> = {}): readonly string[] =>
    execArgvFor({ entry: 'x', args: [], env, execArgv }, heap, false)
  t.same(flags([]), ['--max-old-space-size=91', '--max-semi-space-size=8'])
  t.same(flags(['--max_old_space_size=300']), ['--max-semi-space-size=8', '--max_old_space_size=300'])
  t.same(flags(['--max-old-space-size-percentage=40']), [
    '--max-semi-space-size=8',
    '--max-old-space-size-percentage=40',
  ])
  t.same(flags([], { NODE_OPTIONS: '--enable-source-maps --max-semi-space-size=2' }), ['--max-old-space-size=91'])
  t.same(flags(['--inspect=1', '--trace-warnings']), [...heap.execArgv, '--trace-warnings'])
  t.same(execArgvFor({ entry: 'x', args: [], env: {}, execArgv: ['--inspect'] }, null, true), ['--inspect'])
  t.end()
})

await t.test('Node takes the flags, and its heap limit is what was planned', t => {
  const { execArgv, oldSpaceMib, semiSpaceMib } = planHeap({ limitBytes: 512 * MIB, workers: 2 })
  const script = 'process.stdout.write(String(v8.getHeapStatistics().heap_size_limit / 2 ** 20))'
  const limitMib = Number(execFileSync(process.execPath, [...execArgv, '-e', script], { encoding: 'utf8' }))
  t.ok(limitMib >= oldSpaceMib && limitMib <= oldSpaceMib + 3 * semiSpaceMib + 1, `${limitMib} MiB`)
  t.end()
})
