import { Link } from 'react-router'
import { cx } from './cx'
import { Icon } from './icon'

/** The steps of something that is done in an order, as links: `?step=ID`. */
export function Stepper<Step extends string>({
  steps,
  step,
  faulty = [],
  isReachable,
}: {
  steps: readonly { id: Step; label: string }[]
  /** The step that is shown. */
  step: Step
  /** Steps with something that must change before the last one. */
  faulty?: readonly Step[]
  isReachable: (step: Step) => boolean
}) {
  const at = steps.findIndex(({ id }) => id === step)
  return (
    <nav aria-label="Steps" className="mb-4 border-b border-line">
      <ol className="flex gap-1 overflow-x-auto overflow-y-hidden sm:gap-4">
        {steps.map(({ id, label }, index) => {
          const isCurrent = id === step
          const isFaulty = faulty.includes(id) && index < at
          const content = (
            <>
              <span
                aria-hidden="true"
                className={cx(
                  'flex size-5 shrink-0 items-center justify-center rounded-full text-xs font-medium',
                  isFaulty
                    ? 'bg-bad-soft text-bad'
                    : isCurrent
                      ? 'bg-accent text-on-accent'
                      : index < at
                        ? 'bg-accent-soft text-accent'
                        : 'bg-sunken text-muted',
                )}
              >
                {isFaulty ? (
                  '!'
                ) : index < at ? (
                  <Icon name="check" className="size-3" />
                ) : (
                  index + 1
                )}
              </span>
              <span className={isCurrent ? '' : 'max-sm:sr-only'}>{label}</span>
              {isFaulty && <span className="sr-only">(needs a change)</span>}
            </>
          )
          const look = cx(
            '-mb-px flex min-h-9 items-center gap-2 border-b-2 px-1 whitespace-nowrap touch:min-h-11 touch:min-w-11',
            isCurrent ? 'border-accent font-medium' : 'border-transparent text-muted',
          )
          return (
            <li key={id}>
              {isReachable(id) ? (
                <Link
                  to={{ search: `?step=${id}` }}
                  aria-current={isCurrent ? 'step' : undefined}
                  className={cx(look, 'hover:text-fg focus-visible:-outline-offset-2')}
                >
                  {content}
                </Link>
              ) : (
                <span aria-current={isCurrent ? 'step' : undefined} className={look}>
                  {content}
                </span>
              )}
            </li>
          )
        })}
      </ol>
    </nav>
  )
}
