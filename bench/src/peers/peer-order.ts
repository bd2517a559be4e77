// What a peer program is told at its start, over IPC; it answers { port } when it serves.
export interface PeerOrder {
  /** Ports on 127.0.0.1. */
  readonly upstreams: readonly number[]
}
