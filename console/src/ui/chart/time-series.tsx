import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useTheme } from '@/app/theme'
import type { TimeSeriesProps } from '.'

/** Reads a color of the theme as the browser resolves it: a canvas knows no variables. */
function resolve(element: HTMLElement, variable: string): string {
  const before = element.style.color
  element.style.color = `var(${variable})`
  const color = getComputedStyle(element).color
  element.style.color = before
  return color
}

function faded(color: string, share: number): string {
  return `color-mix(in srgb, ${color} ${share}%, transparent)`
}

/** Seconds between the labels of times. */
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  // uPlot takes 30 days for a month and 365 for a year.
  ...[1, 2, 7, 15, 30, 60, 90, 180, 365, 730, 1825].map((days) => days * DAY),
]

const FONT = '12px ui-sans-serif, system-ui, sans-serif'

export default function Plot({
  label,
  times,
  series,
  formatAxis,
  days = false,
  height = 200,
  onPoint,
}: TimeSeriesProps & { onPoint: (index: number | null) => void }) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const told = useRef(onPoint)
  told.current = onPoint
  const axis = useRef(formatAxis)
  axis.current = formatAxis
  const latest = useRef(times.length)
  latest.current = times.length
  const { shown } = useTheme()
  const shape = series.map((one) => `${one.label} ${one.color} ${one.kind}`).join()

  useEffect(() => {
    const element = host.current
    if (!element) return
    const text = resolve(element, '--muted')
    const line = resolve(element, '--line')
    const measure = document.createElement('canvas').getContext('2d')
    if (measure) measure.font = FONT
    const widest = (values: string[] | null) =>
      Math.max(
        28,
        ...(values ?? []).map((v) => Math.ceil(measure?.measureText(v).width ?? 40)),
      )

    // The first and the last bar stand within the axis as a whole.
    const hasBars = series.some((one) => one.kind === 'bars')
    const widened = (from: number, to: number): [number, number] => {
      const half = hasBars ? (to - from) / Math.max(1, latest.current - 1) / 2 : 0
      return [from - half, to + half]
    }

    const options: UPlot.Options = {
      width: Math.max(element.clientWidth, 50),
      height,
      legend: { show: false },
      // The label of the last time needs room beyond the end of the axis.
      padding: [8, 36, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: true, range: (_, from, to) => widened(from, to) },
        y: { range: (_, low, high) => range(low, high) },
      },
      ...(days
        ? { tzDate: (seconds: number) => UPlot.tzDate(new Date(seconds * 1000), 'UTC') }
        : {}),
      axes: [
        {
          stroke: text,
          font: FONT,
          grid: { show: false },
          ticks: { stroke: line, size: 4 },
          space: 88,
          size: 30,
          // No label twice: hours have no fractions of a second.
          incrs: TIME_STEPS,
          values: (_, splits) => axisTimes(splits, days),
        },
        {
          stroke: text,
          font: FONT,
          grid: { stroke: line, width: 1 },
          ticks: { show: false },
          // Room for the longest label, so that none is cut off.
          size: (_, values) => widest(values) + 14,
          values: (_, splits) => splits.map((value) => axis.current(value)),
          incrs: [1, 2, 5, 10, 20, 25, 50].concat(
            ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((n) => [
              10 ** n,
              2 * 10 ** n,
              2.5 * 10 ** n,
              5 * 10 ** n,
            ]),
          ),
        },
      ],
      series: [
        {},
        ...series.map((one): UPlot.Series => {
          const color = resolve(element, `--series-${one.color}`)
          if (one.kind === 'bars') {
            return {
              label: one.label,
              stroke: color,
              fill: faded(color, 75),
              width: 0,
              paths: UPlot.paths.bars?.({ size: [0.7, 40] }),
              points: { show: false },
            }
          }
          return {
            label: one.label,
            stroke: color,
            width: 2,
            points: { show: false },
            ...(one.kind === 'area' ? { fill: faded(color, 14) } : {}),
          }
        }),
      ],
      hooks: {
        setCursor: [(self) => told.current(self.cursor.idx ?? null)],
      },
    }
    const chart = new UPlot(options, dataOf(times, series), element)
    plot.current = chart
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth
      if (width > 0 && width !== chart.width) chart.setSize({ width, height })
    })
    observer.observe(element)
    const leave = () => told.current(null)
    element.addEventListener('mouseleave', leave)
    return () => {
      observer.disconnect()
      element.removeEventListener('mouseleave', leave)
      chart.destroy()
      plot.current = null
    }
    // New values go into the same chart below; only another shape needs another chart.
  }, [shape, height, days, shown])

  useEffect(() => {
    plot.current?.setData(dataOf(times, series))
  }, [times, series])

  return (
    <div
      ref={host}
      role="img"
      aria-label={label}
      style={{ height }}
      className="min-w-0"
    />
  )
}

function dataOf(times: TimeSeriesProps['times'], series: TimeSeriesProps['series']) {
  return [
    times.map((time) => Date.parse(time) / 1000),
    ...series.map((one) => [...one.values]),
  ] as UPlot.AlignedData
}

/** From zero to a little above the highest value. */
function range(low: number | null, high: number | null): [number, number] {
  const top = Math.max(high ?? 0, 0)
  return [Math.min(low ?? 0, 0), top === 0 ? 1 : top * 1.08]
}

function axisTimes(splits: number[], days: boolean): string[] {
  const span = (splits.at(-1) ?? 0) - (splits[0] ?? 0)
  const format = new Intl.DateTimeFormat(undefined, {
    ...(days || span > 36 * 3600
      ? { month: 'short', day: 'numeric' }
      : { hour: '2-digit', minute: '2-digit' }),
    ...(span > 400 * 86_400 ? { year: '2-digit' } : {}),
    ...(span < 300 && !days ? { second: '2-digit' } : {}),
    ...(days ? { timeZone: 'UTC' } : {}),
  })
  return splits.map((seconds) => format.format(new Date(seconds * 1000)))
}
