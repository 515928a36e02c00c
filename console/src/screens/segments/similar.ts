import type { Schemas } from '@/api/client'

type Feature = Schemas['LookalikeFeature']

const NAMES: Record<Feature['feature'], string> = {
  days_since_last_order: 'last order',
  order_count: 'orders',
  total_spend: 'spend',
  activities: 'activity',
}

/** The two features in which a customer is closest to the segment's average. */
export function closeness(features: readonly Feature[]): string {
  return features
    .slice(0, 2)
    .map(({ feature }) => NAMES[feature])
    .join(', ')
}
