import type { SentRequest } from './error'

/**
 * Writes a request as a command for a shell. The key is a variable, since the console has
 * none: its session is a cookie that no script can read.
 */
export function curlOf(
  { method, path, body, file }: SentRequest,
  origin: string,
): string {
  const parts = ['curl -sS']
  const isImplied = method === 'GET' || (method === 'POST' && (body || file))
  if (!isImplied) parts.push(`-X ${method}`)
  parts.push('-H "Authorization: Bearer $PATRON_KEY"')
  if (body) {
    parts.push("-H 'Content-Type: application/json'", `-d ${quoted(body)}`)
  }
  if (file) parts.push(`-F ${quoted(`file=@${file}`)}`)
  parts.push(quoted(origin + path))
  return parts.join(' ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Writes path and query of a request; values that are undefined are left out. */
export function pathOf(
  path: string,
  query: Record<string, string | number | boolean | null | undefined> = {},
): string {
  const present = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[name, String(value)]],
  )
  return present.length ? `${path}?${new URLSearchParams(present)}` : path
}
