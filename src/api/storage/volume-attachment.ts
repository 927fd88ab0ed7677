import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { setPersistentVolumeSpecDefaults } from '../core/persistent-volume-defaults.ts';
import { defineKind } from '../kind.ts';
import type * as storage from '../types/storage-v1.ts';
import { validateVolumeAttachment, validateVolumeAttachmentUpdate } from './csi-validation.ts';

/** The wish to attach a volume to a node, and how far that is. */
export type VolumeAttachment = storage.VolumeAttachment;

/** storage.k8s.io/v1 VolumeAttachment. */
export const VolumeAttachment = defineKind<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  scope: 'Cluster',
  schema: 'storage/v1.VolumeAttachment',
  subresources: { status: true },
  defaults({ spec }) {
    if (spec.source.inlineVolumeSpec) setPersistentVolumeSpecDefaults(spec.source.inlineVolumeSpec);
  },
  prepareCreate(attachment) {
    attachment.status = { attached: false };
  },
  validate: validateVolumeAttachment,
  validateUpdate: validateVolumeAttachmentUpdate,
  columns: [
    nameColumn,
    textColumn('Attacher', (a) => a.spec.attacher),
    textColumn('PV', (a) => a.spec.source.persistentVolumeName ?? ''),
    textColumn('Node', (a) => a.spec.nodeName),
    textColumn('Attached', (a) => a.status.attached),
    ageColumn,
  ],
  tracksGeneration: false,
});
