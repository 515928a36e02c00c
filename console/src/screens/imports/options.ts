import type { ImportOptions } from './types'

/** The member, unless it has the value that it has without it. */
export function given<Name extends keyof ImportOptions>(
  name: Name,
  value: ImportOptions[Name],
): ImportOptions {
  const isEmpty =
    value === undefined ||
    value === null ||
    value === '' ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  return isEmpty ? {} : { [name]: value }
}
