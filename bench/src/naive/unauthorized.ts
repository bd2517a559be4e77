/** @throws always, with the status for the answer */
export function unauthorized(why: string): never {
  throw Object.assign(new Error(why), { statusCode: 401 })
}
