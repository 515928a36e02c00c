import { useFieldErrors } from '@/ui/form'
import { Icon } from '@/ui/icon'

/** What the API says about a group of inputs. */
export function FieldErrors({ pointer }: { pointer: string }) {
  const errors = useFieldErrors(pointer)
  if (errors.length === 0) return null
  return (
    <ul
      data-fault=""
      className="flex flex-col gap-0.5 text-sm text-bad"
      aria-live="polite"
    >
      {errors.map((detail) => (
        <li key={detail} className="flex gap-1.5 wrap-anywhere">
          <Icon name="warning" className="mt-px" />
          {detail}
        </li>
      ))}
    </ul>
  )
}
