import { useEffect, useRef, useState } from 'react'
import { bytes } from '@/format'
import { Button } from '@/ui/button'
import { Problem } from '@/ui/problem'
import { csvName, csvPath, readCsv, save } from './csv'
import type { Campaign, MessageStatus } from './types'

/** Downloads the messages as a table. Another click while it arrives stops it. */
export function CsvButton({
  campaign,
  status,
}: {
  campaign: Pick<Campaign, 'campaign_id' | 'name'>
  status: MessageStatus | null
}) {
  const reading = useRef<AbortController | null>(null)
  const [received, setReceived] = useState<number | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => () => reading.current?.abort(), [])

  async function download() {
    if (reading.current) return reading.current.abort()
    const controller = new AbortController()
    reading.current = controller
    setReceived(0)
    setError(null)
    try {
      const path = csvPath(campaign.campaign_id, status)
      const file = await readCsv(path, setReceived, controller.signal)
      save(file, csvName(campaign.name, status))
    } catch (failure) {
      if (!controller.signal.aborted) setError(failure)
    } finally {
      reading.current = null
      setReceived(null)
    }
  }

  return (
    <>
      <Button
        icon={received === null ? 'download' : 'close'}
        onClick={() => void download()}
      >
        {received === null ? 'Download CSV' : `Stop (${bytes(received)})`}
      </Button>
      {error !== null && (
        <div className="w-full">
          <Problem error={error} onRetry={() => void download()} />
        </div>
      )}
    </>
  )
}
