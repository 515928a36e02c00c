/** Key under which what is typed into a draft is kept until the server has it. */
export function keptDraftKey(id: string | null): string {
  return `campaign.${id ?? 'new'}`
}
