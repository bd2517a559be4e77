// Hashes for spreading, not for secrets: the same on every machine and in every version, so that several balancers agree.
//
// Texts: FNV-1a over UTF-16 code units, then the finalizer of MurmurHash3, without which FNV's high bits hardly depend on the last characters.
// @hot

/** What a request is hashed by. A number is taken as a whole number up to 2^53; a fraction is cut off. */
export type HashKey = string | number

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const TWO_TO_32 = 4_294_967_296

/** Hash of a request's key as a signed 32-bit number. */
export function hashOfKey(key: HashKey, seed: number): number {
  return typeof key === 'string' ? hashText(key, seed) : hashNumber(key, seed)
}

/** Hash of a text as a signed 32-bit number. */
export function hashText(text: string, seed: number): number {
  let hash = mix(seed) ^ FNV_OFFSET
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME)
  return mix(hash ^ text.length)
}

function hashNumber(value: number, seed: number): number {
  return mix((mix(seed ^ value) + Math.floor(value / TWO_TO_32)) | 0)
}

/** The finalizer of MurmurHash3: every bit of the result depends on every bit given, one to one. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/**
 * What a candidate draws for a key: a number in (0, 1), uniform over keys, and independent of what the others draw.
 * Steps of 2^-32, never 0 and never 1.
 */
export function drawOf(keyHash: number, firstIdHash: number, secondIdHash: number): number {
  const mixed = mix((Math.imul(keyHash ^ firstIdHash, 0x9e3779b1) + secondIdHash) | 0)
  return ((mixed >>> 0) + 0.5) / TWO_TO_32
}
