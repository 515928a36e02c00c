import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { Button } from '@/ui/button'
import { Field, fieldErrors, FormErrors, FormProblem } from '@/ui/form'
import { Textarea } from '@/ui/input'

type Answer = Schemas['SegmentRules']

/** A description in plain words, which the API turns into rules. */
export function WordsPane({
  prompt,
  onPrompt,
  rules,
  onRules,
}: {
  prompt: string
  onPrompt: (prompt: string) => void
  /** The newest rules, as text. */
  rules: () => string
  onRules: (text: string) => void
}) {
  /** An answer that would undo what was edited while it was awaited. */
  const [late, setLate] = useState<Answer | null>(null)
  const ask = useMutation({
    mutationFn: (words: string) =>
      call(api.POST('/api/ai/segment-rules', { body: { prompt: words } })),
  })
  const submit = () => {
    const asked = rules()
    setLate(null)
    ask.mutate(prompt, {
      onSuccess: (answer) => (rules() === asked ? onRules(answer.text) : setLate(answer)),
    })
  }
  return (
    // No form of its own: a composer may have one around it.
    <FormErrors error={ask.error}>
      <div className="flex flex-col gap-2">
        <Field
          label="In plain words"
          pointer="/prompt"
          hint="Replaces the rules. What is not understood is named, never guessed."
        >
          <Textarea
            rows={2}
            placeholder="high spenders who haven't bought in 3 months"
            value={prompt}
            onChange={(event) => onPrompt(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && !event.shiftKey) {
                event.preventDefault()
                submit()
              }
            }}
          />
        </Field>
        <div>
          <Button onClick={submit} icon="spark" busy={ask.isPending}>
            Write the rules
          </Button>
        </div>
        {ask.data && <Understood answer={ask.data} />}
        {late && (
          <LateAnswer
            answer={late}
            onUse={() => {
              setLate(null)
              onRules(late.text)
            }}
          />
        )}
        {fieldErrors(ask.error).length === 0 && <FormProblem error={ask.error} />}
      </div>
    </FormErrors>
  )
}

function LateAnswer({ answer, onUse }: { answer: Answer; onUse: () => void }) {
  return (
    <div role="status" className="flex flex-col items-start gap-2 text-sm">
      <p className="text-warn">
        You changed the rules meanwhile, so yours stay. The answer is:
      </p>
      <p className="font-mono wrap-anywhere">{answer.text}</p>
      <Button small onClick={onUse}>
        Use the answer
      </Button>
    </div>
  )
}

function Understood({ answer }: { answer: Answer }) {
  return (
    <p role="status" className="text-sm text-muted">
      <span className="text-fg">Understood as: {answer.explanation}.</span>{' '}
      {answer.fallback
        ? `The language model was not used: ${answer.fallback}.`
        : answer.engine === 'openai'
          ? `Answered by ${answer.model ?? 'the language model'}.`
          : ''}
    </p>
  )
}
