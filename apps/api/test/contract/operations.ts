// The operations of an OpenAPI document, with everything that's needed to ask for them and to judge their answers.
import { readShape, examplesOf, type Json, type Shape } from './shape.ts'

/** Where a parameter is put; cookies aren't used. */
export type Place = 'path' | 'query' | 'header'

export interface Parameter {
  readonly name: string
  readonly shape: Shape
  readonly isRequired: boolean
}

export interface DocumentedAnswer {
  /** By media type; empty when there's no body. */
  readonly bodies: ReadonlyMap<string, Shape>
  /** By name; whether it's always there. */
  readonly headers: ReadonlyMap<string, { readonly shape: Shape; readonly isRequired: boolean }>
}

export interface Operation {
  /** `POST /api/blogs` */
  readonly name: string
  readonly id: string
  readonly method: string
  /** With its parameters in braces. */
  readonly path: string
  /** Who may ask for it; operators may ask for what else isn't for everybody, unless it's about who is signed in. */
  readonly admits: 'everybody' | 'users' | 'operators'
  readonly parameters: Readonly<Record<Place, readonly Parameter[]>>
  /** Undefined: it takes none. */
  readonly body: Shape | undefined
  readonly answers: ReadonlyMap<number, DocumentedAnswer>
}

export interface OpenapiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}

interface OperationObject {
  readonly operationId: string
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly in: Place
    readonly name: string
    readonly required: boolean
    readonly schema: Readonly<Record<string, unknown>>
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> }
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content?: Readonly<Record<string, { readonly schema: unknown }>>
        readonly headers?: Readonly<Record<string, { readonly schema: unknown; readonly required: boolean }>>
      }
    >
  >
}

type MediaType = { readonly schema: Readonly<Record<string, unknown>> } & Readonly<Record<string, unknown>>

function admittedBy(security: readonly object[]): Operation['admits'] {
  if (security.length === 0) return 'everybody'
  return security.some(scheme => 'operator' in scheme) ? 'operators' : 'users'
}

/** @throws Error for an operation that can't be understood, and so couldn't be tested */
export function operationsOf({ paths, components }: OpenapiDocument): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const name = `${method.toUpperCase()} ${path}`
      try {
        return readOperation(name, path, method, operation, components.schemas)
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`, { cause: error })
      }
    }),
  )
}

function readOperation(
  name: string,
  path: string,
  method: string,
  operation: OperationObject,
  components: Readonly<Record<string, unknown>>,
): Operation {
  const withExamples = (holder: Readonly<Record<string, unknown>>): Shape => {
    const shape = readShape(holder['schema'], components)
    return { ...shape, examples: [...shape.examples, ...examplesOf(holder)] satisfies Json[] }
  }
  const parametersIn = (place: Place): Parameter[] =>
    (operation.parameters ?? [])
      .filter(parameter => parameter.in === place)
      .map(parameter => ({ name: parameter.name, isRequired: parameter.required, shape: withExamples(parameter) }))
  const content = operation.requestBody?.content
  if (content && Object.keys(content).join() !== 'application/json')
    throw new Error(`Bodies other than JSON are not understood: ${Object.keys(content).join()}`)
  const json = content?.['application/json']
  const parameters = { path: parametersIn('path'), query: parametersIn('query'), header: parametersIn('header') }
  for (const { name, shape } of Object.values(parameters).flat())
    if (shape.kind === 'array' || shape.kind === 'object')
      throw new Error(`A parameter of several values is not understood: ${name}`)
  return {
    name,
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    admits: admittedBy(operation.security ?? []),
    parameters,
    body: json === undefined ? undefined : withExamples(json),
    answers: new Map(
      Object.entries(operation.responses).map(([status, { content = {}, headers = {} }]) => [
        Number(status),
        {
          bodies: new Map(
            Object.entries(content).map(([type, { schema }]) => [type, readShape(schema, components)] as const),
          ),
          headers: new Map(
            Object.entries(headers).map(([name, { schema, required }]) => [
              name,
              { shape: readShape(schema, components), isRequired: required },
            ]),
          ),
        },
      ]),
    ),
  }
}
