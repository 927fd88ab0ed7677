/** Objects shown as other kinds: tables and their bare metadata. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import { toTable } from '../../api/machinery/table.ts';
import type { Answer, ListAnswer } from '../verbs/call.ts';

const metaVersion = 'meta.k8s.io/v1';

export function metadataOf(object: Shared<KubeObject>): Record<string, unknown> {
  return { kind: 'PartialObjectMetadata', apiVersion: metaVersion, metadata: object.metadata };
}

export function listMeta(list: ListAnswer): Record<string, unknown> {
  return {
    resourceVersion: list.resourceVersion,
    ...(list.continueToken ? { continue: list.continueToken } : {}),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
}

export function metadataListOf(list: ListAnswer): Record<string, unknown> {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: metaVersion,
    metadata: listMeta(list),
    items: list.entries.map((entry) => metadataOf(entry.object)),
  };
}

export interface TableShape {
  readonly now: number;
  readonly includeObject: string | undefined;
}

/** The table of one object or of a list. */
export function tableOf(kind: AnyKind, answer: Answer, shape: TableShape): Record<string, unknown> {
  const objects = answer.list ? answer.list.entries.map((entry) => entry.object) : [answer.entry!.object];
  const includeObject = (shape.includeObject ?? 'Metadata') as 'None' | 'Metadata' | 'Object';
  const table = toTable(kind, objects, { now: shape.now, includeObject });
  const metadata = answer.list
    ? listMeta(answer.list)
    : { resourceVersion: answer.entry!.object.metadata.resourceVersion };
  return { ...(table as unknown as Record<string, unknown>), metadata };
}
