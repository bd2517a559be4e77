import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createEndpointFile, type Endpoint, type EndpointFileContent } from '@plimsoll/supervisor'
import { makeRunFolder } from './fixture/fleet.ts'

const read = async (path: string): Promise<EndpointFileContent> =>
  JSON.parse(await readFile(path, 'utf8')) as EndpointFileContent
const endpoint = (id: string): Endpoint => ({ id, url: `unix:/run/x/${id}.sock`, state: 'ready' })

await t.test('holds the newest list, with a sequence that grows, and leaves no temporary file', async t => {
  const folder = await makeRunFolder(t)
  const path = join(folder, 'endpoints.json')
  const file = createEndpointFile(path)
  await file.write([endpoint('0-1')])
  t.same(await read(path), { format: 1, sequence: 1, endpoints: [endpoint('0-1')] })
  await file.write([])
  t.same(await read(path), { format: 1, sequence: 2, endpoints: [] })
  t.same(await readdir(folder), ['endpoints.json'])
})

await t.test('changes that come in while one is written are joined to the newest', async t => {
  const path = join(await makeRunFolder(t), 'endpoints.json')
  const file = createEndpointFile(path)
  const ids = Array.from({ length: 50 }, (_, index) => `0-${index}`)
  await Promise.all(ids.map(id => file.write([endpoint(id)])))
  const content = await read(path)
  t.same(content.endpoints, [endpoint('0-49')])
  t.ok(content.sequence < 50, `${content.sequence} writes for 50 changes`)
})

await t.test('goes on with the sequence of an earlier run, and from 1 over a file that is none', async t => {
  const path = join(await makeRunFolder(t), 'endpoints.json')
  await createEndpointFile(path).write([])
  await createEndpointFile(path).write([])
  t.match(await read(path), { sequence: 2 })
  await writeFile(path, '{"sequence": "many"}')
  await createEndpointFile(path).write([])
  t.match(await read(path), { sequence: 1 })
})

await t.test('a write that fails is told to its caller, and the next one tries again', async t => {
  const folder = join(await makeRunFolder(t), 'later')
  const file = createEndpointFile(join(folder, 'endpoints.json'))
  await t.rejects(file.write([endpoint('0-1')]), { code: 'ENOENT' })
  await mkdir(folder)
  await file.write([endpoint('0-2')])
  t.match(await read(join(folder, 'endpoints.json')), { endpoints: [endpoint('0-2')] })
  await rm(folder, { recursive: true })
})
