// What counts as one endpoint where the balancer limits requests per address and endpoint: the API's routes, by the paths of their resources.
//
// The apps don't know each other, and this is where they're put together. A test compares the list with the table of routes in the API's README.

/** For `--rate-limit.endpoints`: `*` is any one segment, the longest counts, `/` takes what no other names. */
export const LIMITED_ENDPOINTS = [
  '/',
  '/api/courses',
  '/api/courses/*',
  '/api/courses/*/lessons',
  '/api/blogs',
  '/api/blogs/*',
  '/api/gamification/dashboard',
  '/api/gamification/badges',
  '/api/gamification/wallet',
  '/api/gamification/wallet/*/transactions',
  '/api/gamification/streaks',
  '/api/auth/signup',
  '/api/auth/login',
  '/api/auth/verify',
  '/api/auth/profile',
  '/api/auth/refresh',
  '/api/auth/logout',
  '/api/auth/logout-everywhere',
  '/api/auth/password',
  '/api/users/*/export',
  '/api/users',
  '/api/db-test',
  '/api/cache',
  '/performance',
  '/health',
  '/openapi.json',
  '/documentation',
] as const
