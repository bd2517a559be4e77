import t from 'tap'
import { readRecycleOptions, RECYCLE_HELP } from '../../src/recycle/recycle-options.ts'

await t.test(
  'without options it is the full form, against the balancer of this tree and a service without mistakes',
  async t => {
    const { plan, seed, jsonFile, balancer, mistakes, help } = readRecycleOptions([])
    t.equal(plan.name, 'full')
    t.same(
      plan.phases.map(({ name }) => name),
      ['calm', 'recycle', 'rolling', 'killed'],
    )
    t.same(
      { seed, jsonFile, balancer, mistakes, help },
      { seed: 1, jsonFile: null, balancer: null, mistakes: [], help: false },
    )
  },
)

await t.test('form, sizes, phases, seed, files and mistakes can be chosen', async t => {
  const line =
    '--quick --recycles 5 --seconds 1.5 --rate 50 --workers 2 --only calm,killed --seed 9 --json o.json --balancer b.ts --mistakes drop,forget'
  const { plan, seed, jsonFile, balancer, mistakes } = readRecycleOptions(line.split(' '))
  const { name, recycles, phaseMs, requestsPerSecond, workers } = plan
  t.same(
    { name, recycles, phaseMs, requestsPerSecond, workers },
    { name: 'quick', recycles: 5, phaseMs: 1500, requestsPerSecond: 50, workers: 2 },
  )
  t.same(
    plan.phases.map(phase => phase.name),
    ['calm', 'killed'],
  )
  t.same(
    { seed, jsonFile, balancer, mistakes },
    { seed: 9, jsonFile: 'o.json', balancer: 'b.ts', mistakes: ['drop', 'forget'] },
  )
})

await t.test('what makes no sense is refused, with what is allowed', async t => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['--recycles 0', /--recycles has to be a number from 1 to 1000, not "0"/],
    ['--recycles 1.5', /--recycles has to be a whole number/],
    ['--rate many', /--rate has to be a number from 10 to 2000/],
    ['--workers 1', /--workers has to be a number from 2 to 16/],
    ['--only nothing', /there is no phase "nothing"; there are: calm, recycle, rolling, killed/],
    ['--mistakes lie', /there is no "lie"; there are: drop, repeat, forget/],
    ['--seed -1', /.*/],
    ['recycle', /recycle/],
  ]
  for (const [line, message] of refused) t.throws(() => readRecycleOptions(line.split(' ')), message, line)
})

await t.test('the help names every option', async t => {
  for (const name of 'quick recycles seconds rate workers only seed json balancer mistakes help'.split(' ')) {
    t.ok(RECYCLE_HELP.includes(`\n  --${name} `), name)
  }
})
