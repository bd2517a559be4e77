// What production asks of whoever starts it: an operator token and keys for access tokens, drawn anew for each run. No default, since production refuses those, and nothing
// that would be worth stealing.
import { randomBytes } from 'node:crypto'

const SECRET_BYTES = 32

/** Of one stack. */
export interface ProductionSecrets {
  /** The field's value for requests of operators. */
  readonly operatorAuthorization: string
  /** For the programs of the stack. */
  readonly env: Readonly<Record<'API_OPERATOR_TOKEN' | 'API_TOKEN_KEYS', string>>
}

/** @param draw from a cryptographic source */
export function drawProductionSecrets(draw: (count: number) => Buffer = randomBytes): ProductionSecrets {
  const operatorToken = draw(SECRET_BYTES).toString('base64url')
  const keys = { sign: 'a', keys: { a: draw(SECRET_BYTES).toString('base64url') } }
  return {
    operatorAuthorization: `Bearer ${operatorToken}`,
    env: { API_OPERATOR_TOKEN: operatorToken, API_TOKEN_KEYS: JSON.stringify(keys) },
  }
}
