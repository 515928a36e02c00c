import { useEffect, useState } from 'react'

/** A value that follows another one after it has been still for a while. */
export function useDebounced<Value>(value: Value, pause = 400): Value {
  const [settled, setSettled] = useState(value)
  const text = JSON.stringify(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause)
    return () => clearTimeout(timer)
    // Compared by content: the form is a new object at every key.
  }, [text, pause])
  return settled
}
