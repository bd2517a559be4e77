import t from 'tap'
import { HELP, readOptions } from '../src/options.ts'

await t.test('without options ours is drilled, the whole way', async t => {
  const { proxies, plan, seed, jsonFile, balancer, help } = readOptions([])
  t.same(
    proxies.map(({ name }) => name),
    ['plimsoll'],
  )
  t.equal(plan.name, 'full')
  t.same({ seed, jsonFile, balancer, help }, { seed: 1, jsonFile: null, balancer: null, help: false })
})

await t.test('proxies, form, phases, seed and files can be chosen', async t => {
  t.same(
    readOptions(['--compare']).proxies.map(({ name }) => name),
    ['plimsoll', 'nginx', 'haproxy'],
  )
  const { proxies, plan, seed, jsonFile, balancer } = readOptions(
    '--proxy nginx --short --only hang,drip --seed 9 --json out.json --balancer b.ts'.split(' '),
  )
  t.equal(proxies[0]?.name, 'nginx')
  t.equal(plan.name, 'short')
  t.same(
    plan.phases.map(({ name }) => name),
    ['hang', 'drip'],
  )
  t.same({ seed, jsonFile, balancer }, { seed: 9, jsonFile: 'out.json', balancer: 'b.ts' })
})

await t.test('what makes no sense is refused, with what is allowed', async t => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['--proxy apache', /there is no "apache"; there are: plimsoll, nginx, haproxy/],
    ['--seed -1', /.*/],
    ['--seed 1.5', /whole number from 0 to 4294967295, not "1.5"/],
    ['--seed 4294967296', /whole number/],
    ['--only nothing', /there is no phase "nothing"/],
    ['--compare --proxy nginx', /leave out --proxy/],
    ['--shrt', /--shrt/],
    ['hang', /hang/],
  ]
  for (const [line, message] of refused) t.throws(() => readOptions(line.split(' ')), message, line)
})

await t.test('the help names every option', async t => {
  for (const name of ['proxy', 'compare', 'short', 'only', 'seed', 'json', 'balancer', 'help']) {
    t.ok(HELP.includes(`\n  --${name} `), name)
  }
})
