// What of blogs changes, by name: answers carry these tags in the cache, and whoever changes something tells them.
export const blogTags = {
  /** A blog by itself, also one that isn't there yet. */
  one: (id: number): string => `blog:${id}`,
  /** Every list of blogs: whole, by tag, by author. */
  lists: 'blogs',
} as const
