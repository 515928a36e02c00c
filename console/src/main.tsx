import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { RouterProvider } from 'react-router/dom'
import { queryClient, readAhead } from './api/query'
import { applyStoredTheme } from './app/theme'
import './main.css'
import { router } from './routes'
import { Toasts } from './ui/toast'

applyStoredTheme()
// Otherwise the frame asks who is signed in only once the code of the screen is there.
if (window.location.pathname !== '/sign-in') readAhead('/api/auth/me')

const root = document.getElementById('root')
if (!root) throw new Error('the page has no #root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
      <Toasts />
    </QueryClientProvider>
  </StrictMode>,
)
