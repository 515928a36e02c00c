import { Link } from 'react-router'
import { cx } from '@/ui/cx'
import { Icon } from '@/ui/icon'
import { type Step, STEPS } from './content'

const LABELS: Record<Step, string> = {
  audience: 'Audience',
  message: 'Message',
  delivery: 'When and how fast',
  review: 'Review',
}

/** The steps of the composer, as links. */
export function Stepper({
  step,
  open,
  reachable = true,
}: {
  step: Step
  /** Steps with something that must change before the launch. */
  open: readonly Step[]
  /** False while there is no draft to go on with. */
  reachable?: boolean
}) {
  const at = STEPS.indexOf(step)
  return (
    <nav aria-label="Steps" className="mb-4 border-b border-line">
      <ol className="flex gap-1 overflow-x-auto overflow-y-hidden sm:gap-4">
        {STEPS.map((one, index) => {
          const isCurrent = one === step
          const isFaulty = open.includes(one) && index < at
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
              <span className={isCurrent ? '' : 'max-sm:sr-only'}>{LABELS[one]}</span>
              {isFaulty && <span className="sr-only">(needs a change)</span>}
            </>
          )
          const look = cx(
            '-mb-px flex min-h-9 items-center gap-2 border-b-2 px-1 whitespace-nowrap touch:min-h-11 touch:min-w-11',
            isCurrent ? 'border-accent font-medium' : 'border-transparent text-muted',
          )
          return (
            <li key={one}>
              {reachable ? (
                <Link
                  to={{ search: `?step=${one}` }}
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
