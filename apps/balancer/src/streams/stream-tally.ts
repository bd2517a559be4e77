// How streams ended that a drain met, by kind.
import type { StreamKind } from './stream-goodbye.ts'

export class StreamTally {
  /** Streams whose clients were told to leave. */
  readonly toldTotal: Record<StreamKind, number> = { websocket: 0, 'event-stream': 0 }
  /** Streams that were closed without a word when the drain was over: no boundary came in time. */
  readonly cutTotal: Record<StreamKind, number> = { websocket: 0, 'event-stream': 0 }

  onTold(kind: StreamKind): void {
    this.toldTotal[kind]++
  }

  /** The drain is over, and the stream isn't. One that was told has been counted. */
  onCut(kind: StreamKind, wasTold: boolean): void {
    if (!wasTold) this.cutTotal[kind]++
  }
}
