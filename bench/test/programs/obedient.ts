// Does what an order says.
process.on('message', ({ kind }: { readonly kind: string }) => {
  if (kind === 'end') process.exit(0)
  process.send?.(
    kind === 'refuse'
      ? { kind: 'impossible', reason: 'it was told to' }
      : { kind: 'done', figures: { answered: kind } },
  )
})
process.once('disconnect', () => process.exit(0))
process.send?.({ kind: 'waiting' })
