/** Parts of the path that are ids of the shop. */
import { useLocation } from 'react-router'

/**
 * The part of the path at an index, decoded: of `/customers/a%2Fb` part 1 is `a/b`.
 * `useParams` would read an id with a `%2F` of its own as one with a slash.
 */
export function usePathPart(index: number): string {
  return pathPart(useLocation().pathname, index)
}

export function pathPart(pathname: string, index: number): string {
  const part = pathname.split('/')[index + 1] ?? ''
  try {
    return decodeURIComponent(part)
  } catch {
    // A person may type any path.
    return part
  }
}
