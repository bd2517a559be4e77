// Pages by offset: the database reads what comes before a page and throws it away.

export interface PageQuery {
  /** From 1. */
  readonly page?: string
  readonly limit?: string
}

export function offsetOf({ page = '1', limit = '20' }: PageQuery): { readonly limit: number; readonly offset: number } {
  return { limit: Number(limit), offset: (Number(page) - 1) * Number(limit) }
}
