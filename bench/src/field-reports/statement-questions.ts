// Single statements, sent by the same driver to both databases: what an index does for a query, and what a health check before it costs, without a service around.
import { HEALTH_STATEMENT } from '../naive/health-check.ts'
import type { Question, Statement } from './question.ts'

const PAGE = 20

/** The newest blogs of an author: the same statement with the indexes, and without. */
export function byIndexQuestion(author: number): Question {
  const statement: Statement = {
    text: `select id, title, created_at from blogs where status = 'published' and author_id = $1 order by created_at desc, id desc limit ${PAGE}`,
    parameters: [author],
  }
  return sameRows([statement], [statement])
}

/** A blog by its key: the statement with a health check before it, and alone. */
export function withoutHealthCheckQuestion(blog: number): Question {
  const statement: Statement = { text: 'select id, title, created_at from blogs where id = $1', parameters: [blog] }
  const check: Statement = { text: HEALTH_STATEMENT, parameters: [] }
  return sameRows([check, statement], [statement])
}

function sameRows(before: readonly Statement[], after: readonly Statement[]): Question {
  const rowsOf = (rows: unknown[]) => rows
  return {
    name: JSON.stringify(after),
    before: { statements: before },
    after: { statements: after },
    dataBefore: rowsOf,
    dataAfter: rowsOf,
  }
}
