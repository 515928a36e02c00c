/** The values of attributes or properties, by path: those of an object have the path
 * `address.city`. */
export function leaves(
  values: Record<string, unknown>,
): [path: string, value: unknown][] {
  return Object.entries(values).flatMap(([name, value]): [string, unknown][] =>
    isObject(value)
      ? leaves(value).map(([path, leaf]) => [`${name}.${path}`, leaf])
      : [[name, value]],
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
