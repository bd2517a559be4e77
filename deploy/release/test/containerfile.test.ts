// No container engine is needed to run the tests, so the image isn't built here. What can go stale unseen is compared with the repository:
// the files that are copied and started, the version of Node, and the rules that every image keeps.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

const checkout = path.resolve(import.meta.dirname, '../../..')
const file = readFileSync(path.join(checkout, 'deploy/container/Containerfile'), 'utf8')

interface Instruction {
  readonly keyword: string
  readonly rest: string
}
interface Stage {
  readonly name: string
  readonly from: string
  readonly instructions: readonly Instruction[]
}

const instructions = file
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter(line => line.trim() !== '' && !line.startsWith('#'))
  .map(line => ({ keyword: line.split(' ')[0] ?? '', rest: line.slice(line.indexOf(' ') + 1) }))
const stages = instructions.reduce<Stage[]>((all, { keyword, rest }, i) => {
  if (keyword !== 'FROM') return all
  const [from = '', name = ''] = rest.split(' AS ')
  const end = instructions.findIndex((one, j) => j > i && one.keyword === 'FROM')
  return [...all, { name, from, instructions: instructions.slice(i + 1, end === -1 ? undefined : end) }]
}, [])
const targets = ['api', 'balancer']

/** The instructions of a stage, behind those of the stages that it's built on. */
function whole(name: string): Instruction[] {
  const stage = stages.find(one => one.name === name)
  return stage ? [...whole(stage.from), ...stage.instructions] : []
}
const last = (name: string, keyword: string) => whole(name).findLast(one => one.keyword === keyword)?.rest

await t.test('everything that is copied from the repository is there', async t => {
  const sources = instructions
    .filter(({ keyword, rest }) => keyword === 'COPY' && !rest.startsWith('--from'))
    .flatMap(({ rest }) => rest.split(' ').slice(0, -1))
  t.ok(sources.length >= 3)
  for (const source of sources) t.ok(existsSync(path.join(checkout, source)), source)
})

await t.test('what is copied from a stage has a stage', async t => {
  for (const { rest } of instructions.filter(one => one.keyword === 'COPY' && one.rest.startsWith('--from'))) {
    const name = /^--from=(\S+)/.exec(rest)?.[1]
    t.ok(
      stages.some(stage => stage.name === name),
      rest,
    )
  }
})

await t.test('the workspaces that are installed and the programs that are started are there', async t => {
  const workspaces = [...file.matchAll(/--workspace (\S+)/g)].map(match => match[1] ?? '')
  t.same(workspaces, ['apps/api', 'apps/balancer'])
  for (const workspace of workspaces) t.ok(existsSync(path.join(checkout, workspace, 'package.json')), workspace)
  for (const target of targets) {
    const command = `${last(target, 'ENTRYPOINT') ?? ''} ${last(target, 'CMD') ?? ''}`
    const [entry = ''] = /apps\/[\w/-]+\.ts/.exec(command) ?? []
    t.ok(existsSync(path.join(checkout, entry)) && entry !== '', `${target} starts ${entry}`)
  }
  for (const [program = ''] of file.matchAll(/apps\/[\w/-]+\.ts/g))
    t.ok(existsSync(path.join(checkout, program)), program)
})

await t.test(
  'each image runs as an ordinary user, tells its health, and starts its program without a shell',
  async t => {
    for (const target of targets) {
      t.equal(last(target, 'USER'), 'node', target)
      t.match(last(target, 'HEALTHCHECK'), /CMD \["node"/, target)
      t.match(last(target, 'ENTRYPOINT') ?? last(target, 'CMD'), /^\[/, target)
    }
  },
)

await t.test('the Node of the images is the one of development, by its exact version', async t => {
  const { devDependencies } = JSON.parse(readFileSync(path.join(checkout, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  t.equal(/^ARG NODE_VERSION=(\S+)$/m.exec(file)?.[1], devDependencies['node'])
  t.same(
    stages.filter(stage => stage.from.includes('/')).map(stage => stage.from),
    [`docker.io/library/node:\${NODE_VERSION}-slim`],
  )
})

await t.test('what was installed for development stays out of the images', async t => {
  const ignored = readFileSync(path.join(checkout, 'deploy/container/Containerfile.dockerignore'), 'utf8').split('\n')
  for (const entry of ['**/node_modules', '**/test', '.git']) t.ok(ignored.includes(entry), entry)
  t.match(file, /npm ci --omit=dev/)
})
