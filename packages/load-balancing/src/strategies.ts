// The closed list of strategies.

/** Every strategy with a sentence for help texts. */
export const STRATEGIES = Object.freeze([
  { name: 'round-robin', summary: 'each in turn, weights ignored' },
  { name: 'weighted-round-robin', summary: 'each in turn by weight, evenly spaced' },
  { name: 'least-connections', summary: 'the one with the fewest requests in flight for its weight' },
  { name: 'power-of-two-choices', summary: 'two at random by weight, the less busy of them' },
  {
    name: 'peak-ewma',
    summary: 'the one with the lowest latency times requests in flight, failures counted against it',
  },
  { name: 'consistent-hash', summary: 'always the same one for a key, as long as it is not overloaded' },
  { name: 'random', summary: 'one at random by weight' },
  { name: 'least-loaded', summary: 'two at random by the capacity that servers report, the less busy of them' },
] as const)

/** Name of a strategy. */
export type Strategy = (typeof STRATEGIES)[number]['name']
