import type { Schemas } from '@/api/client'

export type Import = Schemas['Import']
export type ImportStatus = Schemas['ImportStatus']
export type ImportKind = Schemas['ImportKind']
export type ImportOptions = Schemas['ImportOptions']
export type PresetName = Schemas['ImportPreset']
export type ImportPreset = Schemas['ImportPresetDescription']
export type ImportPreview = Schemas['ImportPreview']
export type ImportRunIn = Schemas['ImportRunIn']
export type FileFormat = Schemas['FileFormat']
