/** Puts the addresses of a file on the suppression list. */
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useInvalidate } from '@/api/query'
import { bytes, count, number } from '@/format'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field } from '@/ui/form'
import { Icon } from '@/ui/icon'
import { Select } from '@/ui/input'
import { Problem } from '@/ui/problem'
import { ProgressBar } from '@/ui/stat'
import {
  type Address,
  addressColumn,
  addressesOf,
  parseTable,
  type Table,
} from './address-file'
import { NOTHING_SENT, type Refusal, sendAddresses, type Sent } from './send'

/** The list of a mailing tool is far smaller, and the file is read into memory. */
const MOST_BYTES = 64 * 1024 * 1024

const SHOWN_REFUSALS = 20

interface Chosen {
  name: string
  table: Table
}

export function ImportDialog({ onClose }: { onClose: () => void }) {
  const invalidate = useInvalidate()
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [column, setColumn] = useState<number | null>(null)
  const [sent, setSent] = useState<Sent>(NOTHING_SENT)
  const leaving = useRef(new AbortController())
  useEffect(() => {
    const controller = (leaving.current = new AbortController())
    return () => controller.abort()
  }, [])
  const addresses = chosen && column !== null ? addressesOf(chosen.table, column) : []
  const send = useMutation({
    mutationFn: () => sendAddresses(addresses, sent, setSent, leaving.current.signal),
    // Also after a failure: what was sent before it is on the list.
    onSettled: () => invalidate('/api/suppressions'),
  })
  function take(file: Chosen) {
    send.reset()
    setSent(NOTHING_SENT)
    setChosen(file)
    setColumn(addressColumn(file.table))
  }
  const isReady = addresses.length > 0 && !send.isSuccess
  return (
    <Dialog
      open
      onClose={onClose}
      title="Import suppressions"
      footer={
        send.isSuccess ? (
          <Button kind="primary" onClick={onClose}>
            Close
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>{send.isPending ? 'Stop' : 'Cancel'}</Button>
            <Button
              kind="primary"
              busy={send.isPending}
              disabled={!isReady}
              onClick={() => send.mutate()}
            >
              {addresses.length > 0
                ? `Suppress ${count(addresses.length, 'address', 'addresses')}`
                : 'Suppress'}
            </Button>
          </>
        )
      }
    >
      {!send.isSuccess && (
        <p>
          A file with an address in each row: email addresses or phone numbers, as CSV or
          one a line. No campaign sends to them any more, whoever has them.
        </p>
      )}
      {sent === NOTHING_SENT && !send.isPending && <FileChooser onFile={take} />}
      {chosen && sent === NOTHING_SENT && !send.isPending && (
        <Contents
          chosen={chosen}
          column={column}
          onColumn={setColumn}
          addresses={addresses}
        />
      )}
      {chosen && (send.isPending || send.isError) && (
        <Progress sent={sent.sent} total={addresses.length} name={chosen.name} />
      )}
      {send.isError && <Problem error={send.error} onRetry={() => send.mutate()} />}
      {send.isSuccess && <Result sent={sent} />}
    </Dialog>
  )
}

function FileChooser({ onFile }: { onFile: (file: Chosen) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const [refusal, setRefusal] = useState<string | null>(null)
  async function read(file: File | undefined) {
    if (!file) return
    if (file.size > MOST_BYTES) {
      setRefusal(`The file has ${bytes(file.size)}; the limit is ${bytes(MOST_BYTES)}.`)
      return
    }
    try {
      const table = parseTable(await file.text())
      setRefusal(null)
      onFile({ name: file.name, table })
    } catch {
      // The file was moved or changed since it was chosen.
      setRefusal('The browser cannot read this file. Choose it again.')
    }
  }
  return (
    <div className="flex flex-col gap-2">
      <div>
        <Button icon="upload" onClick={() => input.current?.click()}>
          Choose a file
        </Button>
      </div>
      <input
        ref={input}
        type="file"
        aria-label="File of addresses"
        accept=".csv,.tsv,.txt,text/csv,text/plain"
        // The button opens it; a second stop for the keyboard would confuse.
        tabIndex={-1}
        className="sr-only"
        onChange={(event) => {
          void read(event.target.files?.[0])
          // The same file can be chosen again.
          event.target.value = ''
        }}
      />
      {refusal && <Refused>{refusal}</Refused>}
    </div>
  )
}

function Refused({ children }: { children: ReactNode }) {
  return (
    <p role="alert" className="flex gap-1.5 text-sm text-bad">
      <Icon name="warning" className="mt-px" />
      {children}
    </p>
  )
}

/** What is in the file, before anything is sent. */
function Contents({
  chosen: { name, table },
  column,
  onColumn,
  addresses,
}: {
  chosen: Chosen
  column: number | null
  onColumn: (column: number | null) => void
  addresses: readonly Address[]
}) {
  const width = Math.max(0, ...table.rows.slice(0, 100).map((row) => row.cells.length))
  const rest = addresses.length - 3
  return (
    <section aria-label="Contents of the file" className="flex flex-col gap-3">
      <p className="font-medium wrap-anywhere">{name}</p>
      {width > 1 && (
        <Field label="Column with the addresses">
          <Select
            className="w-full"
            value={column ?? ''}
            onChange={(event) =>
              onColumn(event.target.value === '' ? null : Number(event.target.value))
            }
          >
            <option value="">Choose a column</option>
            {Array.from({ length: width }, (_, at) => (
              <option key={at} value={at}>
                {table.header?.[at] || `Column ${at + 1}`}
              </option>
            ))}
          </Select>
        </Field>
      )}
      {addresses.length === 0 ? (
        <Refused>
          {width > 1 && column === null
            ? 'No column looks like addresses. Choose the one that has them.'
            : 'There is no address in this file.'}
        </Refused>
      ) : (
        <p role="status" className="text-sm text-muted wrap-anywhere">
          {count(addresses.length, 'address', 'addresses')}:{' '}
          {addresses
            .slice(0, 3)
            .map(({ address }) => address)
            .join(', ')}
          {rest > 0 && ` and ${number(rest)} more`}
        </p>
      )}
    </section>
  )
}

function Progress({ sent, total, name }: { sent: number; total: number; name: string }) {
  return (
    <div className="flex flex-col gap-2" role="status">
      <ProgressBar
        label={`Addresses of ${name} that were sent`}
        total={total}
        parts={[{ value: sent, color: 'accent' }]}
      />
      <p className="text-sm text-muted">
        {number(sent)} of {count(total, 'address', 'addresses')}
      </p>
    </div>
  )
}

function Result({ sent }: { sent: Sent }) {
  return (
    <div role="status" className="flex flex-col gap-2">
      <p className="font-medium">
        {count(sent.added, 'address', 'addresses')} added
        {sent.unchanged > 0 && `, ${number(sent.unchanged)} on the list already`}
        {sent.refused.length > 0 && `, ${number(sent.refused.length)} refused`}
      </p>
      {sent.refused.length > 0 && <Refusals refused={sent.refused} />}
    </div>
  )
}

function Refusals({ refused }: { refused: readonly Refusal[] }) {
  const rest = refused.length - SHOWN_REFUSALS
  return (
    <>
      <p className="text-sm text-muted">
        Refused rows are not on the list. Correct them, and import the file again:
        repeating is safe.
      </p>
      <ul
        aria-label="Refused rows"
        tabIndex={0}
        className="flex max-h-60 flex-col overflow-y-auto rounded-md border border-line px-3"
      >
        {refused.slice(0, SHOWN_REFUSALS).map(({ line, address, reason }) => (
          <li
            key={line}
            className="border-b border-line py-1.5 text-sm wrap-anywhere last:border-0"
          >
            Line {line}: <code className="font-mono">{address}</code>
            <p className="text-muted">{reason}</p>
          </li>
        ))}
      </ul>
      {rest > 0 && <p className="text-sm text-muted">and {number(rest)} more</p>}
    </>
  )
}
