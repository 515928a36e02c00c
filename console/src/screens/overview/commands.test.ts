import { describe, expect, it } from 'vitest'
import { firstCommands } from './commands'

const commands = firstCommands(
  'https://crm.shop.example',
  'EUR',
  new Date('2026-11-29T12:00:00.123Z'),
)

describe('the commands for an empty deployment', () => {
  it('address the server that the console came from', () => {
    for (const command of commands) {
      expect(command.text).toContain('https://crm.shop.example')
    }
  })

  it('use the currency of the deployment and a time of the API', () => {
    const order = commands.find((command) => command.id === 'orders')
    expect(order?.text).toContain('"currency":"EUR"')
    expect(order?.text).toContain('"placed_at":"2026-11-29T12:00:00Z"')
  })

  it('take the key from the environment instead of showing one', () => {
    for (const command of commands) expect(command.text).toContain('$PATRON_KEY')
  })
})
