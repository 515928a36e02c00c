import { calendarDay, dateTime, money } from '@/format'
import type { ValueFormats } from './builder/describe'

/** How values of rules read in this deployment's currency and the viewer's zone. */
export function formatsIn(currency: string): ValueFormats {
  return {
    money: (minor) => money(minor, currency),
    time: dateTime,
    day: calendarDay,
  }
}
