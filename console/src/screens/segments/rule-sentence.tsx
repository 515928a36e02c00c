import { useCurrency } from '@/api/use-currency'
import { describeRules } from './builder/describe'
import { parseRules } from './builder/parse'
import { formatsIn } from './formats'

/** Rules in words above their text. Amounts are money in words, and minor units in text. */
export function RuleSentence({ text }: { text: string }) {
  const currency = useCurrency()
  const parsed = parseRules(text)
  return (
    <>
      {parsed && currency && (
        <p className="wrap-anywhere">
          {describeRules(parsed.tree, formatsIn(currency))}.
        </p>
      )}
      <code className="font-mono text-sm wrap-anywhere text-muted">{text}</code>
    </>
  )
}
