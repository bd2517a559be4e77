// What every answer says to browsers and caches: nothing is stored, sniffed, framed or loaded, and no other site may embed it. There are no
// CORS fields, so no page of another origin can read anything.

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}
