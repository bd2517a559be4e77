// The options that loaders and writers have in common, checked once.
import { DbError } from '../errors.ts'

/** A whole number within a range, or the default. @throws DB_ERR_OPTION naming option, unit and range. */
export function wholeNumber(
  name: string,
  given: number | undefined,
  range: { readonly default: number; readonly least: number; readonly most: number; readonly unit: string },
): number {
  const value = given ?? range.default
  if (Number.isInteger(value) && value >= range.least && value <= range.most) return value
  throw new DbError(
    'DB_ERR_OPTION',
    `${name} is a whole number of ${range.unit} from ${range.least} to ${range.most}, not ${String(value)}.`,
  )
}
