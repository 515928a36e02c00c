import { describe, expect, it } from 'vitest'
import { openSteps, stepOf } from './steps'

describe('the step that is shown', () => {
  it('is the one that the URL names, if it can be opened', () => {
    expect(stepOf('preview', 'uploaded', true)).toBe('preview')
    expect(stepOf('layout', 'stopped', true)).toBe('layout')
    expect(stepOf('run', 'uploaded', true)).toBe('layout')
    expect(stepOf('preview', 'running', true)).toBe('run')
    expect(stepOf('nothing', 'failed', true)).toBe('run')
  })

  it('is what happened so far, for those who cannot run it', () => {
    expect(stepOf('layout', 'uploaded', false)).toBe('run')
    expect(openSteps('stopped', false)).toEqual(['run'])
  })
})
