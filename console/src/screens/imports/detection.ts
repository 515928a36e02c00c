/** What was found out about a file, in words. */
import { KIND_NAMES } from './fields'
import type { Import } from './types'

export interface DetectionText {
  title: string
  explanation: string
  /** True if the file can be previewed as it was detected. */
  isComplete: boolean
}

export function detectionText({ detected }: Pick<Import, 'detected'>): DetectionText {
  if (!detected) {
    return {
      title: 'The layout of this file is not known',
      explanation: 'Choose what it has. The preview shows how it is read.',
      isComplete: false,
    }
  }
  const { preset, title, kind, format } = detected
  if (preset) {
    return {
      title: `This looks like ${title ?? preset}`,
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
      isComplete: Boolean(kind),
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
