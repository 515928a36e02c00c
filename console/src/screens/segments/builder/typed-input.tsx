import { type ComponentProps, useState } from 'react'
import { Input } from '@/ui/input'
import type { Scalar } from './rules'

type TypedInputProps = {
  label: string
  value: Scalar
  toText: (value: Scalar) => string
  toValue: (typed: string) => Scalar
  onChange: (value: Scalar) => void
  width: string
} & Pick<ComponentProps<'input'>, 'inputMode'>

/**
 * An input whose text and value differ, such as an amount. While it has the focus, its
 * text stays as it is typed: `10.` does not become `10` before the next digit.
 */
export function TypedInput(props: TypedInputProps) {
  const { label, value, toText, toValue, onChange, width, ...rest } = props
  const [typed, setTyped] = useState<string | null>(null)
  return (
    <span className={width}>
      <Input
        {...rest}
        aria-label={label}
        value={typed ?? toText(value)}
        onChange={(event) => {
          setTyped(event.currentTarget.value)
          onChange(toValue(event.currentTarget.value))
        }}
        onBlur={() => setTyped(null)}
      />
    </span>
  )
}
