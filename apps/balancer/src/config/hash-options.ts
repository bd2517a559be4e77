// What the consistent hash keeps together.
import { option as Type } from '@plimsoll/config'

export const hashOptions = Type.Object(
  {
    key: Type.String({
      description:
        'For consistent-hash: requests with the same key go to the same endpoint. target (path and query), path, client (address), or header:NAME.',
      default: 'path',
    }),
    loadFactor: Type.Number({
      description:
        'For consistent-hash: no endpoint takes more of a key than this many times its share of all requests under way; the rest goes to the next one.',
      unit: 'times',
      default: 1.25,
      minimum: 1,
      maximum: 1000,
    }),
    seed: Type.Integer({
      unit: 'seed',
      zero: 'a seed like any other',
      description:
        'For consistent-hash: the same in all balancers that should agree; secret where keys come from strangers.',
      default: 0,
      minimum: 0,
      maximum: 4_294_967_295,
    }),
  },
  { additionalProperties: false },
)

export type HashKeySource =
  | { readonly kind: 'target' | 'path' | 'client' }
  | { readonly kind: 'header'; readonly name: string }

/** @throws Error with a sentence, for what is none of the four forms. */
export function parseHashKey(text: string): HashKeySource {
  if (text === 'target' || text === 'path' || text === 'client') return { kind: text }
  const name = /^header:([!#$%&'*+.^_`|~0-9A-Za-z-]+)$/.exec(text)?.[1]
  if (name === undefined) throw new Error(`"${text}" is none of target, path, client, header:NAME`)
  return { kind: 'header', name: name.toLowerCase() }
}
