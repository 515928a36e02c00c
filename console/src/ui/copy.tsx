import { useEffect, useState } from 'react'
import { curlOf, pathOf } from '@/api/curl'
import type { SentRequest } from '@/api/error'
import { Button, IconButton } from './button'
import { toast } from './toast'

function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1500)
    return () => clearTimeout(timer)
  }, [copied])
  return [
    copied,
    (text) => {
      write(text).then(
        () => setCopied(true),
        () => toast('The browser does not allow copying here.', 'bad'),
      )
    },
  ]
}

async function write(text: string) {
  // Without TLS, browsers have no clipboard except on loopback.
  if (!navigator.clipboard) throw new Error('no clipboard')
  await navigator.clipboard.writeText(text)
}

/** Copies a text. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, copy] = useCopied()
  return (
    <IconButton
      small
      icon={copied ? 'check' : 'copy'}
      label={copied ? 'Copied' : label}
      onClick={() => copy(text)}
    />
  )
}

type CurlProps =
  | { request: SentRequest }
  | {
      method?: string
      path: string
      query?: Record<string, string | number | boolean | null | undefined>
      body?: unknown
    }

/** Copies a request as a command for a shell. */
export function CopyCurl(props: CurlProps) {
  const [copied, copy] = useCopied()
  return (
    <Button
      small
      kind="quiet"
      icon={copied ? 'check' : 'copy'}
      title="Copies this request as a command for a shell; it reads a key from $PATRON_KEY"
      onClick={() => copy(curlOf(requestOf(props), window.location.origin))}
    >
      {copied ? 'Copied' : 'Copy as curl'}
    </Button>
  )
}

function requestOf(props: CurlProps): SentRequest {
  if ('request' in props) return props.request
  return {
    method: props.method ?? 'GET',
    path: pathOf(props.path, props.query),
    ...(props.body === undefined ? {} : { body: JSON.stringify(props.body) }),
  }
}
