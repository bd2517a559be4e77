// A worker of the small service: a plain Fastify service that makes a fair amount of garbage per request, and keeps none of it.
import Fastify from 'fastify'
import { connectToSupervisor } from '@plimsoll/supervisor'

const link = connectToSupervisor(process)
// Longer than the balancer keeps an idle connection.
const app = Fastify({ keepAliveTimeout: 120_000 })

app.get('/health', () => ({ ok: true }))
app.get('/items', () => Array.from({ length: 50 }, (_, id) => ({ id, name: `item ${id}`, tags: ['a', 'b', 'c'] })))

link.onDrain(() => app.close())
await app.listen({ path: link.socketPath ?? '' })
link.ready()
