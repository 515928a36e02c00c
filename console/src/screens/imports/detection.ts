/** What was found out about a file, in words. */
import { KIND_NAMES } from './fields'
import type { Import, ImportPreset } from './types'

export interface DetectionText {
  title: string
  explanation: string
  /** True if the file can be previewed as it was detected. */
  isComplete: boolean
}

export function detectionText(
  { detected }: Pick<Import, 'detected'>,
  presets: readonly ImportPreset[],
): DetectionText {
  if (!detected) {
    return {
      title: 'The layout of this file is not known',
      explanation: 'Choose what it has. The preview shows how it is read.',
      isComplete: false,
    }
  }
  const { preset: name, kind, format } = detected
  const preset = presets.find((preset) => preset.name === name)
  if (name) {
    return {
      title: `This looks like ${preset?.title ?? name}`,
      explanation:
        'Its columns and statuses are known. Look at the preview, or change how it is read.',
      isComplete: true,
    }
  }
  if (format === 'ndjson') {
    return {
      title: kind
        ? `This looks like ${KIND_NAMES[kind]}, one JSON object a line`
        : 'This file has one JSON object a line',
      explanation: kind
        ? 'Each line has the form of the API.'
        : 'Choose what the objects are. Each line needs the form of the API.',
      isComplete: kind !== null,
    }
  }
  return {
    title: kind
      ? `The columns look like ${KIND_NAMES[kind]}`
      : 'The layout of this file is not known',
    explanation: 'Choose which column fills which field.',
    isComplete: false,
  }
}
