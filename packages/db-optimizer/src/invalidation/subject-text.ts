// Subjects are any strings; the server's text has neither NUL nor half surrogate pairs. So they're stored as JSON writes them, without the quotes.

export function subjectText(subject: string): string {
  return JSON.stringify(subject).slice(1, -1)
}

export function subjectOf(text: string): string {
  return JSON.parse(`"${text}"`) as string
}
