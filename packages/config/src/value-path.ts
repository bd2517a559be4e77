// Paths as people write them: `health.intervalMs`, `upstream[1].weight`, `labels["a b"]`.

/** The path of a key below `parent`; the empty path is the whole configuration. */
export function keyPath(parent: string, key: string): string {
  if (!/^[\w$-]+$/.test(key)) return `${parent}[${JSON.stringify(key)}]`
  return parent === '' ? key : `${parent}.${key}`
}

/** The path of an element below `parent`, counted from 0. */
export function indexPath(parent: string, index: number): string {
  return `${parent}[${index}]`
}

/** The default flag of a path: `health.intervalMs` → `health.interval-ms`, `http2.maxTTL` → `http2.max-ttl`. */
export function kebabPath(path: string): string {
  return path
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase()
}
