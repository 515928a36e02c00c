import { bytes } from '@/format'
import { useActorNames } from '@/screens/audit/use-names'
import { CodeBlock, CopyableId } from '@/ui/code'
import { Card, Definitions } from '@/ui/page'
import { Time } from '@/ui/time'
import { Fold } from './fold'
import { KIND } from './status'
import type { Import, ImportPreset } from './types'

/** Who imported what, and how it was read. */
export function ImportFacts({
  imported,
  presets,
}: {
  imported: Import
  presets: readonly ImportPreset[]
}) {
  const nameOf = useActorNames()
  const { kind, preset: name, options, started_at, started_by, ended_at } = imported
  const preset = presets.find((preset) => preset.name === name)
  const hasOptions = options && Object.keys(options).length > 0
  return (
    <Card title="About this import">
      <Definitions
        wide
        items={[
          { term: 'File', value: `${imported.file_name} (${bytes(imported.bytes)})` },
          { term: 'Import id', value: <CopyableId id={imported.import_id} /> },
          {
            term: 'Contents',
            value: kind && (preset ? `${KIND[kind]}: ${preset.title}` : KIND[kind]),
            hidden: !kind,
          },
          { term: 'Process', value: imported.process?.name, hidden: !imported.process },
          {
            term: 'Uploaded',
            value: (
              <>
                <Time at={imported.created_at} /> by {nameOf(imported.created_by)}
              </>
            ),
          },
          {
            term: 'Started',
            value: (
              <>
                <Time at={started_at} /> by {nameOf(started_by ?? '')}
              </>
            ),
            hidden: !started_at,
          },
          { term: 'Ended', value: <Time at={ended_at} precise />, hidden: !ended_at },
          {
            term: 'SHA-256',
            value: <CopyableId id={imported.sha256} />,
          },
        ]}
      />
      {hasOptions && (
        <div className="mt-3">
          <Fold title="How it was read">
            <CodeBlock label="Options" text={JSON.stringify(options, null, 2)} />
          </Fold>
        </div>
      )}
    </Card>
  )
}
