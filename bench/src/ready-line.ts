// What our balancer says when it serves.

/** The port in the balancer's ready line; undefined for any other line. */
export function listeningPort(line: string): number | undefined {
  if (!line.startsWith('{')) return undefined
  const { msg, listen } = JSON.parse(line) as { msg?: string; listen?: string }
  return msg === 'listening' ? Number(listen?.slice(listen.lastIndexOf(':') + 1)) : undefined
}
