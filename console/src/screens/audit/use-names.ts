import { useApi } from '@/api/query'
import { useMay } from '@/app/use-session'
import { actorText } from '@/format'

/** Names of actors, where the API knows them: users by name, keys by name. */
export function useActorNames(): (actor: string) => string {
  const enabled = useMay('manage access')
  const query = { params: { query: { limit: 500 } } }
  const users = useApi('/api/users', query, { enabled, staleTime: 60_000 })
  const keys = useApi('/api/keys', query, { enabled, staleTime: 60_000 })
  return (actor) => {
    const [kind, id] = actor.split(':', 2)
    if (kind === 'user') {
      const user = users.data?.items.find((one) => one.user_id === id)
      if (user) return user.name ?? user.email
    }
    if (kind === 'key') {
      const key = keys.data?.items.find((one) => one.key_id === id)
      if (key) return `${key.name} (key)`
    }
    return actorText(actor)
  }
}
