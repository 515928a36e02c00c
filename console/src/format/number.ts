import { once } from './once'

const whole = once(() => new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 }))
const compact = once(
  () => new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 }),
)

/** `23570` as `23,570`. */
export function number(value: number): string {
  return whole().format(value)
}

/** `23570` as `23.6K`, for axes and narrow places. */
export function shortNumber(value: number): string {
  return compact().format(value)
}

/** `part` of `total` as `12.3%`. Something that is not nothing is never `0%`, and what is
 * not all is never `100%`. */
export function percent(part: number, total: number): string {
  if (total === 0) return '–'
  const share = (part / total) * 100
  if (share > 0 && share < 0.1) return '<0.1%'
  if (share < 100 && share > 99.9) return '>99.9%'
  return `${share.toLocaleString('en-US', { maximumFractionDigits: 1 })}%`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1536` as `1.5 KiB`. */
export function bytes(value: number): string {
  let unit = 0
  let size = value
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${size.toLocaleString('en-US', { maximumFractionDigits: size < 10 && unit ? 1 : 0 })} ${UNITS[unit]}`
}

/** `1 customer`, `23,570 customers`. */
export function count(value: number, singular: string, plural = `${singular}s`): string {
  return `${number(value)} ${value === 1 ? singular : plural}`
}
