export * from './money'
export * from './number'
export * from './status'
export * from './time'
