/** Which columns of the list are shown: from the URL, else as chosen last, else these. */
export const DEFAULT_COLUMNS = ['email', 'city', 'tags', 'spend', 'orders', 'last']

const KEY = 'patron.columns.customers'

/** Reads `email,city`; unknown names are left out. `null` if nothing is left. */
export function parseColumns(
  text: string | null,
  known: readonly string[],
): string[] | null {
  if (!text) return null
  const names = new Set(text.split(','))
  const chosen = known.filter((name) => names.has(name))
  return chosen.length > 0 ? chosen : null
}

export function rememberedColumns(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

export function rememberColumns(columns: readonly string[]) {
  try {
    localStorage.setItem(KEY, columns.join(','))
  } catch {
    // Without storage the choice ends with the page; the URL still has it.
  }
}

/** Adds or removes a column. The last one stays. */
export function toggled(
  chosen: readonly string[],
  column: string,
  known: readonly string[],
): string[] {
  const names = new Set(chosen)
  if (!names.delete(column)) names.add(column)
  return names.size === 0 ? [...chosen] : known.filter((name) => names.has(name))
}
