/** The place where a file is dropped or chosen, and what became of it. */
import { useEffect, useRef, useState } from 'react'
import { useScreenActions } from '@/app/actions'
import { bytes, percent } from '@/format'
import { Button } from '@/ui/button'
import { cx } from '@/ui/cx'
import { Icon } from '@/ui/icon'
import { Problem } from '@/ui/problem'
import { ProgressBar } from '@/ui/stat'
import { cancelUpload, startUpload, type Upload } from './upload'

export function DropZone({ upload }: { upload: Upload }) {
  const input = useRef<HTMLInputElement>(null)
  const [refusal, setRefusal] = useState<string | null>(null)
  const isSending = upload.phase === 'sending'

  function take(files: readonly File[]) {
    const [file] = files
    if (isSending || !file) return
    if (files.length > 1) {
      setRefusal('Drop one file at a time: each is an import of its own.')
      return
    }
    setRefusal(null)
    startUpload(file)
  }
  const isOver = useDrop((transfer) => {
    if (isSending) return
    const isFolder = [...transfer.items].some(
      (item) => item.webkitGetAsEntry()?.isDirectory,
    )
    if (isFolder) setRefusal('This is a folder. Drop a single file.')
    else take([...transfer.files])
  })
  const choose = () => input.current?.click()
  useScreenActions(
    isSending
      ? [{ id: 'cancel', label: 'Cancel the upload', icon: 'close', run: cancelUpload }]
      : [{ id: 'choose', label: 'Choose a file to import', icon: 'upload', run: choose }],
  )

  return (
    <section aria-label="Upload" className="mb-4 flex flex-col gap-2">
      <div
        className={cx(
          'flex flex-col items-center gap-2 rounded-lg border border-dashed px-4 py-6 text-center',
          isOver && !isSending
            ? 'border-accent bg-accent-soft'
            : 'border-line-strong bg-surface',
        )}
      >
        {upload.phase === 'sending' ? (
          <Sending upload={upload} />
        ) : (
          <>
            <Icon name="upload" className="size-5 text-muted" />
            <p className="font-medium">Drop a file here</p>
            <p className="max-w-xl text-sm text-muted">
              Customers, orders or activity, as your shop or your mailing tool exports
              them: CSV, or JSON with one object a line. Nothing is recorded before you
              have seen a preview.
            </p>
            <Button icon="upload" kind="primary" onClick={choose}>
              Choose a file
            </Button>
          </>
        )}
        <input
          ref={input}
          type="file"
          aria-label="File to import"
          // The button opens it; a second stop for the keyboard would confuse.
          tabIndex={-1}
          className="sr-only"
          onChange={(event) => {
            take([...(event.target.files ?? [])])
            // The same file can be chosen again.
            event.target.value = ''
          }}
        />
      </div>
      {refusal && (
        <p role="alert" className="flex items-center gap-1.5 text-sm text-bad">
          <Icon name="warning" />
          {refusal}
        </p>
      )}
      {upload.phase === 'failed' && (
        <Problem error={upload.error} onRetry={upload.retry}>
          <p>
            “{upload.file.name}” ({bytes(upload.file.size)}) was not uploaded.
          </p>
        </Problem>
      )}
    </section>
  )
}

function Sending({ upload }: { upload: Extract<Upload, { phase: 'sending' }> }) {
  const { file, sent, total } = upload
  const isSent = sent >= total
  return (
    <div className="flex w-full max-w-xl flex-col gap-2" role="group" aria-label="Upload">
      <p className="font-medium wrap-anywhere">{file.name}</p>
      <ProgressBar
        label={`Upload of ${file.name}`}
        parts={[{ value: sent, color: 'accent' }]}
        total={total}
      />
      <p className="text-sm text-muted">
        {isSent
          ? 'Reading the file…'
          : `${bytes(sent)} of ${bytes(total)} (${percent(sent, total)})`}
      </p>
      <div>
        <Button icon="close" onClick={cancelUpload}>
          Cancel
        </Button>
      </div>
    </div>
  )
}

/**
 * Takes what is dropped anywhere on the page: a browser would leave the console for a file
 * that misses its place. Returns true while a file is over the page.
 */
function useDrop(onDrop: (transfer: DataTransfer) => void): boolean {
  const [isOver, setIsOver] = useState(false)
  const latest = useRef(onDrop)
  latest.current = onDrop
  useEffect(() => {
    const hasFiles = (event: DragEvent) =>
      event.dataTransfer?.types.includes('Files') ?? false
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setIsOver(true)
    }
    const leave = (event: DragEvent) => {
      // To outside of the page.
      if (event.relatedTarget === null) setIsOver(false)
    }
    const drop = (event: DragEvent) => {
      if (!event.dataTransfer || !hasFiles(event)) return
      event.preventDefault()
      setIsOver(false)
      latest.current(event.dataTransfer)
    }
    window.addEventListener('dragover', over)
    window.addEventListener('dragleave', leave)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragover', over)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('drop', drop)
    }
  }, [])
  return isOver
}
