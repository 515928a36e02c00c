/** The parts of an aggregate's key: `order/c-1/o%2F17` as `order`, `c-1` and `o/17`. */
export function aggregateParts(key: string): string[] {
  return key.split('/').map((part) => {
    try {
      return decodeURIComponent(part)
    } catch {
      // Keys of the API are encoded; another text is shown as it is.
      return part
    }
  })
}

/** The key of an aggregate, as the API writes it. */
export function aggregateKey(kind: string, ...ids: string[]): string {
  return [kind, ...ids.map(encoded)].join('/')
}

/** Encodes as the API does: all but `A-Z a-z 0-9 . _ : @ + -`. */
function encoded(id: string): string {
  return encodeURIComponent(id)
    .replace(/%3A|%40|%2B/g, decodeURIComponent)
    .replace(/[!~*'()]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}
