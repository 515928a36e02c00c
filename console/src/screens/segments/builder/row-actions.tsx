import { IconButton } from '@/ui/button'

interface RowActionsProps {
  what: 'condition' | 'group'
  upDisabled: boolean
  downDisabled: boolean
  onMove: (direction: 'up' | 'down') => void
  onDuplicate: () => void
  onRemove: () => void
}

/** Moving goes into and out of groups, so that every order can be reached with two buttons. */
export function RowActions({ what, ...props }: RowActionsProps) {
  return (
    <div className="flex">
      <IconButton
        data-part="up"
        small
        icon="down"
        className="rotate-180"
        label={`Move ${what} up`}
        disabled={props.upDisabled}
        onClick={() => props.onMove('up')}
      />
      <IconButton
        data-part="down"
        small
        icon="down"
        label={`Move ${what} down`}
        disabled={props.downDisabled}
        onClick={() => props.onMove('down')}
      />
      <IconButton
        small
        icon="copy"
        label={`Duplicate ${what}`}
        onClick={props.onDuplicate}
      />
      <IconButton small icon="trash" label={`Remove ${what}`} onClick={props.onRemove} />
    </div>
  )
}
