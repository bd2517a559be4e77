// Values whose JSON is 1 KiB long, of the shape that rows of a service have: texts, numbers, lists, an object inside.

const BYTES = 1024

export interface Kibibyte {
  readonly id: number
  readonly title: string
  readonly roles: readonly string[]
  readonly active: boolean
  readonly score: number
  readonly createdAt: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly text: string
}

export function kibibyteOf(id: number): Kibibyte {
  const value = {
    id,
    title: `The course with the number ${id}`,
    roles: ['student', 'teacher'],
    active: true,
    score: id * 1.5,
    createdAt: '2026-01-01T00:00:00Z',
    settings: { theme: 'dark', language: 'en', weights: [1, 2, 3, 4, 5, 6, 7, 8] },
    text: '',
  }
  return { ...value, text: 'x'.repeat(BYTES - JSON.stringify(value).length) }
}
