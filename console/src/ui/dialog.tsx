import {
  type MouseEvent,
  type ReactNode,
  useEffect,
  useId,
  useRef,
  useState,
} from 'react'
import { Button, IconButton } from './button'
import { CopyCurl } from './copy'
import { cx } from './cx'
import { Field } from './form'
import { Input } from './input'
import { Problem } from './problem'

/**
 * A dialog on the browser's own `<dialog>`: it keeps the focus within, Escape closes it,
 * and the focus goes back to where it was.
 */
export function Dialog({
  open,
  onClose,
  title,
  children,
  footer,
  wide = false,
  sticky = false,
}: {
  open: boolean
  onClose: () => void
  title: ReactNode
  children: ReactNode
  footer?: ReactNode
  wide?: boolean
  /** It can only be closed by what it offers. */
  sticky?: boolean
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const element = dialog.current
    if (!element) return
    if (open && !element.open) {
      element.showModal()
      // The browser would focus the first control, which closes the dialog again.
      element
        .querySelector<HTMLElement>('[data-body] :is(input, select, textarea):enabled')
        ?.focus()
    }
    if (!open && element.open) element.close()
  }, [open])
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        if (!sticky) onClose()
      }}
      onClose={() => {
        // A browser closes a dialog at the second Escape, whatever was made of the first.
        if (!open) return
        if (sticky) dialog.current?.showModal()
        else onClose()
      }}
      onMouseDown={(event) => {
        if (dialog.current && isOnBackdrop(event, dialog.current) && !sticky) onClose()
      }}
      className={cx(
        'max-h-[calc(100dvh-2rem)] w-[calc(100%-2rem)] rounded-lg border border-line-strong bg-raised p-0 text-fg shadow-xl shadow-(color:--shadow)',
        wide ? 'max-w-3xl' : 'max-w-md',
      )}
    >
      {open && (
        <div className="flex flex-col">
          <header className="flex items-start justify-between gap-3 px-5 pt-4 pb-2">
            <h2 id={id} className="text-lg font-semibold wrap-anywhere">
              {title}
            </h2>
            {!sticky && <IconButton small icon="close" label="Close" onClick={onClose} />}
          </header>
          <div data-body="" className="flex flex-col gap-3 px-5 pb-4">
            {children}
          </div>
          {footer && (
            <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">
              {footer}
            </footer>
          )}
        </div>
      )}
    </dialog>
  )
}

/**
 * Returns whether a press is beside the dialog. A press on its scroll bar has the dialog as
 * its target too.
 */
function isOnBackdrop(event: MouseEvent, dialog: HTMLDialogElement): boolean {
  if (event.target !== dialog) return false
  const { left, right, top, bottom } = dialog.getBoundingClientRect()
  const { clientX: x, clientY: y } = event
  return x < left || x > right || y < top || y > bottom
}

/**
 * Asks before something that cannot be undone. With `typeToConfirm` the name must be
 * typed first.
 */
export function ConfirmDialog({
  open,
  onClose,
  onConfirm,
  title,
  confirm,
  dismiss = 'Cancel',
  danger = false,
  disabled = false,
  busy = false,
  error,
  typeToConfirm,
  request,
  children,
}: {
  open: boolean
  onClose: () => void
  onConfirm: () => void
  title: ReactNode
  /** Text of the button, such as `Delete draft`. */
  confirm: string
  /** Text of the button that closes the dialog, where `Cancel` has another meaning. */
  dismiss?: string
  danger?: boolean
  /** Something has to be chosen in the dialog first. */
  disabled?: boolean
  busy?: boolean
  /** The error of the last attempt. */
  error?: unknown
  typeToConfirm?: string
  /** The request that is confirmed, to copy as a command for a shell. */
  request?: { method: string; path: string; body?: unknown }
  children: ReactNode
}) {
  const [typed, setTyped] = useState('')
  useEffect(() => {
    if (!open) setTyped('')
  }, [open])
  const ready = !typeToConfirm || typed.trim() === typeToConfirm
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={title}
      footer={
        <>
          {request && (
            <span className="mr-auto">
              <CopyCurl {...request} />
            </span>
          )}
          <Button onClick={onClose}>{dismiss}</Button>
          <Button
            kind={danger ? 'danger' : 'primary'}
            busy={busy}
            disabled={disabled || !ready}
            onClick={onConfirm}
          >
            {confirm}
          </Button>
        </>
      }
    >
      {children}
      {typeToConfirm && (
        <Field
          label={
            <>
              Type <strong className="font-semibold">{typeToConfirm}</strong> to confirm
            </>
          }
        >
          <Input value={typed} onChange={(event) => setTyped(event.target.value)} />
        </Field>
      )}
      {error ? <Problem error={error} /> : null}
    </Dialog>
  )
}
