import { api, call, type Schemas } from './client'
import { type Followed, useFollower } from './use-follower'

export type Job = Schemas['Job']

/** Follows a job until it ends; `null` follows none. Its last value has the result. */
export function useJob(id: string | null): Followed<Job> {
  return useFollower<Job>(
    id === null
      ? null
      : {
          url: `/api/jobs/${encodeURIComponent(id)}/events`,
          parse: (data) => JSON.parse(data) as Job,
          poll: async (signal) => {
            const path = { params: { path: { id } }, signal }
            const job = await call(api.GET('/api/jobs/{id}', path))
            return { value: job, ended: job.status !== 'running' }
          },
        },
  )
}
