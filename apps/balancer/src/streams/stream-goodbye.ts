// A long-lived stream that can be told to leave, as the pipeline sees it. The two kinds know how; here is what they share.
//
//   passing ──leave()──► waiting for a boundary ──► told ──► over
//      ▲                        │ the stream ends by itself, or can't be told: whoever drains cuts it when the time is over
//      └────────────────────────┘
//
// Joined to the pipeline by two fields of the exchange that are null for everything else, and one call per piece of a stream.

export type StreamKind = 'websocket' | 'event-stream'

/** Where a stream's bytes go, and who is told how its goodbye goes. Calls come within `leave` and within `from…`. */
export interface StreamExits {
  toClient(buffer: Buffer, start: number, end: number): void
  toEndpoint(buffer: Buffer, start: number, end: number): void
  /** The client has been told, by the bytes just passed: the rest may take only so long. At most once, before `onStreamOver`. */
  onStreamTold(kind: StreamKind): void
  /** Nothing more will pass: the exchange can end. At most once, as the last call. */
  onStreamOver(kind: StreamKind): void
}

/** What a drain needs of a stream. */
export interface StreamGoodbye {
  readonly kind: StreamKind
  /** Whether the client has been told. */
  readonly isTold: boolean
  /** Tells both sides, at the next boundary; the first call counts. */
  leave(): void
}
