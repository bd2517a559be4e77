// Tells the supervisor when this worker isn't fit to serve, and when it is again: a new generation that can't reach its database has failed its probation, and while a
// worker isn't well no other is taken out of service.

/** What's told; a link to the supervisor fits. */
export interface ReadinessListener {
  ready(): void
  unready(reason: string): void
}

const LOOK_INTERVAL_MS = 500

/** @param unreadyReason why it isn't fit; undefined while it is. Ending itself is no reason: the supervisor knows. */
export function watchReadiness(unreadyReason: () => string | undefined, listener: ReadinessListener): () => void {
  let told: string | undefined
  const look = () => {
    const reason = unreadyReason()
    if ((reason === undefined) === (told === undefined)) return
    told = reason
    if (reason === undefined) listener.ready()
    else listener.unready(reason)
  }
  look()
  const timer = setInterval(look, LOOK_INTERVAL_MS).unref()
  return () => clearInterval(timer)
}
