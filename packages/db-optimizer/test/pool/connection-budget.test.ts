import t from 'tap'
import { connectionBudget } from '../../src/pool/connection-budget.ts'

await t.test('cuts the pool of each process to its share, one more process counted for a restart', t => {
  const budget = connectionBudget({ serverMaxConnections: 100, workers: 4, minConnections: 10, maxConnections: 50 })
  t.same(budget, { minConnections: 10, maxConnections: 17, totalConnections: 90, availableConnections: 92 })
  const two = connectionBudget({
    serverMaxConnections: 100,
    workers: 2,
    routes: 2,
    minConnections: 2,
    maxConnections: 10,
  })
  t.same(two, { minConnections: 2, maxConnections: 10, totalConnections: 63, availableConnections: 92 })
  t.end()
})

await t.test('says by how much it doesn’t fit, and which number is wrong', t => {
  const wanted = { serverMaxConnections: 100, workers: 16, minConnections: 10, maxConnections: 50 }
  t.throws(() => connectionBudget(wanted), {
    code: 'DB_ERR_BUDGET',
    message: /need 187 connections; the server gives 92/,
  })
  t.throws(() => connectionBudget({ ...wanted, workers: 0.5 }), { code: 'DB_ERR_OPTION', message: /workers/ })
  t.throws(() => connectionBudget({ ...wanted, minConnections: 60 }), {
    code: 'DB_ERR_OPTION',
    message: /minConnections/,
  })
  t.end()
})
