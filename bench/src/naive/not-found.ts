/** @throws always, with the status for the answer */
export function notFound(what: string): never {
  throw Object.assign(new Error(`no such ${what}`), { statusCode: 404 })
}
