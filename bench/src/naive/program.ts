// The naive service as a program: it's told its database over IPC, says its own address there, and ends with whoever started it.
import postgres from 'postgres'
import { createNaiveApplication } from './application.ts'
import { NAIVE_POOL_SIZE } from './setting.ts'

/** Not on the command line, where everybody on the machine could read the password. */
export interface NaiveOrder {
  readonly databaseUrl: string
}

process.once('disconnect', () => process.exit(0))
process.once('message', ({ databaseUrl }: NaiveOrder) => {
  const app = createNaiveApplication(postgres(databaseUrl, { max: NAIVE_POOL_SIZE, onnotice: () => {} }))
  void app.listen({ host: '127.0.0.1', port: 0 }).then(origin => process.send?.({ origin }))
})
