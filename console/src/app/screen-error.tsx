import { isRouteErrorResponse, useRouteError } from 'react-router'
import { Button } from '@/ui/button'
import { Problem } from '@/ui/problem'

/** Stands for a screen that could not be loaded or drawn. The rest of the console works on. */
export function ScreenError() {
  const error = useRouteError()
  const message = error instanceof Error ? error.message : ''
  // After an update of the server, the files of the page that is open are gone.
  const outdated = /dynamically imported module|module script|preload CSS/i.test(message)
  return (
    <div className="mx-auto flex max-w-xl flex-col gap-3 p-6">
      {outdated ? (
        <p role="alert">
          A part of the console could not be loaded. The server may have been updated, or
          it cannot be reached.
        </p>
      ) : (
        <Problem
          error={isRouteErrorResponse(error) ? new Error(error.statusText) : error}
        />
      )}
      <div>
        <Button icon="refresh" onClick={() => window.location.reload()}>
          Load the page again
        </Button>
      </div>
    </div>
  )
}
