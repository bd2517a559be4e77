import { execFileSync } from 'node:child_process'
import t from 'tap'
import { readHeapLimit } from '../../src/limits/heap-limit.ts'

const MIB = 1024 * 1024
const none = { execArgv: [], nodeOptions: '' }

await t.test('the size flag is the limit, whatever V8 adds for the young generation', async t => {
  const limit = readHeapLimit({ ...none, execArgv: ['--max-old-space-size=64'], heapSizeLimitBytes: 160 * MIB })
  t.match(limit, { oldSpaceLimitBytes: 64 * MIB, heapSizeLimitBytes: 160 * MIB, source: 'flag' })
})

await t.test(
  'flags come from NODE_OPTIONS too; the command line and the last one win, underscores are dashes',
  async t => {
    const heapSizeLimitBytes = 4192 * MIB
    const read = (nodeOptions: string, ...execArgv: string[]): number =>
      readHeapLimit({ nodeOptions, execArgv, heapSizeLimitBytes }).oldSpaceLimitBytes / MIB
    t.equal(read('--enable-source-maps --max-old-space-size=256'), 256)
    t.equal(read('--max_old_space_size=256'), 256)
    t.equal(read('--max-old-space-size 256'), 256)
    t.equal(read('"--max-old-space-size=256"'), 256)
    t.equal(read('--max-old-space-size=256', '--max-old-space-size=300'), 300)
    t.equal(read('', '--max-old-space-size=300', '--max-old-space-size=400'), 400)
    t.equal(read('--max-old-space-size=99999'), 4192, 'never above what V8 says')
  },
)

await t.test('a percentage wins over a size, as in Node', async t => {
  const { oldSpaceLimitBytes } = readHeapLimit({
    nodeOptions: '--max-old-space-size-percentage=25',
    execArgv: ['--max-old-space-size=64'],
    heapSizeLimitBytes: 224 * MIB,
    memoryBytes: 512 * MIB,
  })
  t.equal(oldSpaceLimitBytes, 128 * MIB)
})

await t.test('without flags the young generation is taken off, as V8 derives it', async t => {
  const estimate = (heapSizeLimitBytes: number, nodeMajor: number): number =>
    readHeapLimit({ ...none, heapSizeLimitBytes, nodeMajor }).oldSpaceLimitBytes / MIB
  t.equal(estimate(4192 * MIB, 26), 4096)
  t.equal(estimate(4288 * MIB, 24), 4096)
  t.ok(estimate(262 * MIB, 24) > 240, 'in a small container the semi-spaces are small as well')
  const large = readHeapLimit({ ...none, execArgv: ['--max-semi-space-size=64'], heapSizeLimitBytes: 400 * MIB })
  t.equal(large.oldSpaceLimitBytes, (400 - 192) * MIB)
  const odd = readHeapLimit({ ...none, execArgv: ['--max-semi-space-size=512'], heapSizeLimitBytes: 400 * MIB })
  t.equal(odd.oldSpaceLimitBytes, 100 * MIB, 'never nothing')
})

await t.test('a limit given is taken, and checked', async t => {
  t.match(readHeapLimit({ oldSpaceLimitBytes: 100 * MIB }), { oldSpaceLimitBytes: 100 * MIB, source: 'option' })
  t.throws(() => readHeapLimit({ oldSpaceLimitBytes: 100 }), { code: 'MEMORY_ERR_OPTION' })
})

await t.test("this Node's own figures agree: a process with a flag is told its limit", async t => {
  const program = `import { readHeapLimit } from ${JSON.stringify(import.meta.resolve('../../src/limits/heap-limit.ts'))}
    console.log(JSON.stringify([readHeapLimit(), readHeapLimit({ execArgv: [], nodeOptions: '' })]))`
  const text = execFileSync(process.execPath, ['--max-old-space-size=200', '--input-type=module', '-e', program])
  const [known, estimated] = JSON.parse(text.toString()) as ReturnType<typeof readHeapLimit>[]
  t.match(known, { oldSpaceLimitBytes: 200 * MIB, source: 'flag' })
  t.ok((known?.heapSizeLimitBytes ?? 0) > 200 * MIB, 'V8 itself says more')
  t.match(estimated, { source: 'estimate' })
})
