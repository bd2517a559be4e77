// What clients send to and get from the addresses of users' data. The export's schema is made from the table of personal data, as its statements are.
import { Type, type TSchema } from 'typebox'
import { Time } from '../gamification/users.ts'
import { formOf, isOptional, SECTIONS, type FieldForm, type Section } from './personal-data.ts'

const FORMS: Readonly<Record<ReturnType<typeof formOf>, TSchema>> = {
  integer: Type.Integer(),
  real: Type.Number(),
  text: Type.String(),
  texts: Type.Array(Type.String()),
  boolean: Type.Boolean(),
  time: Time,
  day: Type.String({ format: 'date', description: 'ISO 8601.' }),
  money: Type.String({ description: 'Exact, as text.', examples: ['49.00'] }),
  digest: Type.String({ description: 'In hexadecimal digits.' }),
  secret: Type.Literal('exists', { description: 'Only that there is one.' }),
}

/** Everything that's kept about a user. */
export const UserExport = Type.Object(
  {
    exportedAt: Time,
    ...Object.fromEntries(Object.entries(SECTIONS).map(([name, section]) => [name, schemaOf(name, section)])),
  },
  { additionalProperties: false, description: 'Everything that is kept about the user, oldest first.' },
)

export const ErasureBegun = Type.Object(
  { status: Type.Literal('erasing', { description: 'The account is closed; what it had is being erased.' }) },
  { additionalProperties: false, description: 'Begun, and carried on in the background.' },
)

function schemaOf(name: string, { fields, joined, key }: Section): TSchema {
  const row = Type.Object(
    Object.fromEntries(
      Object.entries({ ...fields, ...joined?.fields }).map(([field, form]) => [field, fieldSchema(form)]),
    ),
    { additionalProperties: false },
  )
  if (name === 'profile') return row
  return key.length === 0 ? Type.Union([row, Type.Null()]) : Type.Array(row)
}

function fieldSchema(form: FieldForm): TSchema {
  const schema = FORMS[formOf(form)]
  return isOptional(form) ? Type.Union([schema, Type.Null()]) : schema
}
