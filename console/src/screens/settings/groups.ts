import type { Schemas } from '@/api/client'

export type Setting = Schemas['Setting']

export const SOURCES: Record<Setting['source'], { text: string; hint: string }> = {
  flag: {
    text: 'Flag',
    hint: 'Given on the command line. A flag overrides its variable.',
  },
  environment: { text: 'Environment', hint: 'Given as an environment variable.' },
  default: { text: 'Default', hint: 'Not set: the default applies.' },
  deployment: {
    text: 'Deployment',
    hint: 'Fixed at the first start and stored with the log.',
  },
  unset: { text: 'Not set', hint: 'Not set, and there is no default.' },
}

/** The text of a setting's value. A secret has none: only whether it is set is known. */
export function valueText(setting: Setting): string | null {
  if (!setting.secret) return setting.value ?? null
  return setting.source === 'unset' ? null : 'Set'
}

/** Settings that contain all words in their name, flag or value; and of a source, if one is given. */
export function filterSettings(
  settings: readonly Setting[],
  search: string,
  source: string,
): Setting[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return settings.filter((setting) => {
    if (source === 'changed' && ['default', 'unset'].includes(setting.source))
      return false
    const text = [setting.name, setting.flag, valueText(setting)]
      .filter(Boolean)
      .join(' ')
      .toLowerCase()
    return words.every((word) => text.includes(word))
  })
}
