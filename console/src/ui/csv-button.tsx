import { useEffect, useRef, useState } from 'react'
import { readCsv, save } from '@/api/csv'
import { bytes } from '@/format'
import { Button } from './button'
import { Problem } from './problem'

/** Downloads a list of the API as a table. Another click while it arrives stops it. */
export function CsvButton({ path, fileName }: { path: string; fileName: string }) {
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
      save(await readCsv(path, setReceived, controller.signal), fileName)
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
