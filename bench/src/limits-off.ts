// For `npm start` in production: no limits per address, neither in the balancer nor in workers. Nobody has a hundred connections and one address.
export const LIMITS_OFF = { FEATURE_RATE_LIMIT: 'false' } as const
