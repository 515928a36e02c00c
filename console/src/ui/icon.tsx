const PATHS = {
  home: 'M2.5 7.2 8 2.8l5.5 4.4v6H9.8V9.4H6.2v3.8H2.5z',
  customers:
    'M6 7.4a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8M1.6 13.2c.3-2.3 2-3.8 4.4-3.8s4.1 1.5 4.4 3.8M10.6 2.9a2.3 2.3 0 0 1 0 4.3M12 9.6c1.4.5 2.2 1.8 2.4 3.6',
  segments: 'M2.4 3.2h11.2L9.4 8.4v4.8L6.6 11.6V8.4z',
  campaigns: 'M14 2.4 1.8 7l4.6 2.2L14 2.4 8 13.8 6.4 9.2',
  audit: 'M4 2.4h6l2.4 2.4v8.8H4zM6.2 6.6h4M6.2 8.8h4M6.2 11h2.4',
  operations: 'M1.8 8.4h2.8l1.8-5 3 9.4 1.8-4.4h3',
  users:
    'M8 7.6a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2M2.8 13.6c.4-2.5 2.4-4 5.2-4s4.8 1.5 5.2 4',
  keys: 'M5.4 13a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2M7.3 8.5l5.9-5.9M11 4.8l1.8 1.8',
  settings:
    'M2.4 4.6h5M10.6 4.6h3M2.4 11.4h3M8.6 11.4h5M9 6.2a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2M7 13a1.6 1.6 0 1 0 0-3.2A1.6 1.6 0 0 0 7 13',
  search: 'M7 11.6A4.6 4.6 0 1 0 7 2.4a4.6 4.6 0 0 0 0 9.2M10.4 10.4l3.2 3.2',
  menu: 'M2.4 4.4h11.2M2.4 8h11.2M2.4 11.6h11.2',
  close: 'M3.8 3.8l8.4 8.4M12.2 3.8l-8.4 8.4',
  check: 'M3 8.6l3.2 3.2L13 4.6',
  plus: 'M8 3v10M3 8h10',
  down: 'M4 6.2 8 10.2l4-4',
  right: 'M6.2 4l4 4-4 4',
  copy: 'M5.6 5.6h7.6v7.6H5.6zM3 10.4H2.8V2.8h7.6V3',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  sun: 'M8 10.6a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2M8 1.6v1.2M8 13.2v1.2M1.6 8h1.2M13.2 8h1.2M3.5 3.5l.8.8M11.7 11.7l.8.8M12.5 3.5l-.8.8M4.3 11.7l-.8.8',
  moon: 'M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8',
  screen: 'M2 3h12v8H2zM5.6 13.4h4.8',
  warning: 'M8 2.4 14.2 13H1.8zM8 6.4v3M8 11.2h.01',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 7.4v3.4M8 5.2h.01',
  external: 'M6.4 3.4H3v9.6h9.6V9.6M9 2.8h4.2V7M13 3 7.6 8.4',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13.2 2.4v2.8h-2.8',
  trash: 'M2.8 4.4h10.4M6.2 4.2V2.6h3.6v1.6M4.2 4.6l.6 8.8h6.4l.6-8.8',
  edit: 'M3 13l.6-2.8 7-7 2.2 2.2-7 7z',
  play: 'M4.8 3l8 5-8 5z',
  pause: 'M5.4 3.4v9.2M10.6 3.4v9.2',
  download: 'M8 2.6v7.2M4.8 6.8 8 10l3.2-3.2M2.8 13.2h10.4',
  upload: 'M8 10V2.8M4.8 6 8 2.8 11.2 6M2.8 13.2h10.4',
  blocked: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M3.8 12.2l8.4-8.4',
  merge:
    'M3.2 2.6v2.6c0 2.2 1.8 3.4 4.8 4.2 3-.8 4.8-2 4.8-4.2V2.6M8 9.4v4M6 11.6l2 2 2-2',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 4.8V8l2.2 1.4',
  spark: 'M8 2.2 9.5 6.5 13.8 8 9.5 9.5 8 13.8 6.5 9.5 2.2 8 6.5 6.5z',
} as const

export type IconName = keyof typeof PATHS

/** A drawing beside a text. It says nothing by itself, so it is hidden from readers. */
export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  return (
    <svg
      className={`size-4 shrink-0 ${className}`}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'more' ? 2.2 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
