/** A line without axes, for a row of a table. The numbers stand beside it. */
export function Sparkline({
  values,
  label,
  width = 96,
  height = 24,
}: {
  values: readonly number[]
  label: string
  width?: number
  height?: number
}) {
  if (values.length < 2) return null
  const low = Math.min(...values)
  const range = Math.max(...values) - low
  const x = (index: number) => 1.5 + (index / (values.length - 1)) * (width - 3)
  const y = (value: number) =>
    range === 0 ? height / 2 : height - 2 - ((value - low) / range) * (height - 4)
  const points = values.map(
    (value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`,
  )
  return (
    <svg
      role="img"
      aria-label={label}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      className="text-series-1"
    >
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinejoin="round"
      />
    </svg>
  )
}
