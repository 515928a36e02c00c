/**
 * A value that is made when it is first needed. Formatters of `Intl` are expensive to make, and
 * few of them are needed for the first screen.
 */
export function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => (made ??= { value: make() }).value
}
