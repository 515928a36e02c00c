/** The API's types that the screens of one campaign use. */
import type { components } from '@/api/schema'

type Schemas = components['schemas']

export type Campaign = Schemas['Campaign']
export type CampaignStatus = Schemas['CampaignStatus']
export type Statistics = Schemas['Statistics']
export type Progress = Schemas['Progress']
export type WaitingReason = Schemas['WaitingReason']
export type Message = Schemas['Message']
export type MessageStatus = Schemas['MessageStatus']
export type Recipient = Schemas['Recipient']
export type MessageHappened = Schemas['MessageHappened']
export type NodeVerdict = Schemas['NodeVerdict']
export type Suppression = Schemas['Suppression']
export type Reconciliation = Schemas['Reconciliation']
export type DiscrepancyKind = Schemas['DiscrepancyKind']
export type Job = Schemas['Job']
export type CampaignSummary = Schemas['CampaignSummary']
export type CampaignTags = Schemas['CampaignTags']

export const MESSAGE_STATUSES = [
  'queued',
  'suppressed',
  'sent',
  'delivered',
  'failed',
  'bounced',
  'unconfirmed',
  'rejected',
  'undeliverable',
] as const satisfies readonly MessageStatus[]
