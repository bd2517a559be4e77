// What of a request the consistent hash goes by.
import type { MessageHead } from '@plimsoll/http1'
import type { HashKey } from '@plimsoll/load-balancing'
import type { HashKeySource } from '../config/hash-options.ts'
import type { Exchange } from '../exchange.ts'

/** Undefined when the request doesn't have it: then it goes by load alone. */
export function hashKeyFor(source: HashKeySource, exchange: Exchange, head: MessageHead): HashKey | undefined {
  switch (source.kind) {
    case 'target':
      return exchange.target
    case 'path': {
      const end = exchange.target.indexOf('?')
      return end === -1 ? exchange.target : exchange.target.slice(0, end)
    }
    case 'client':
      return exchange.clientAddress
    case 'header': {
      const { name } = source
      for (let i = 0; i < head.headerCount; i++)
        if (head.nameString(i).toLowerCase() === name) return head.valueString(i)
      return undefined
    }
    default:
      source satisfies never
      return undefined
  }
}
