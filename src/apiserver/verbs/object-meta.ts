/** What the server does with the metadata of objects that are created and updated. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import { zeroOf } from '../../api/machinery/decode.ts';
import { badRequest } from '../../api/machinery/status.ts';
import { formatTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import type { Call } from './call.ts';

type Mutable = Record<string, unknown> & KubeObject;

const maxNameLength = 63;
const suffixLength = 5;

/** Checks that the namespace of a body is the one of the URL and fills it in; throws 400. */
export function settleNamespace(call: Call, object: KubeObject): void {
  const { metadata } = object;
  if (!call.resource.hub.namespaced) {
    if (metadata.namespace && call.namespace === '') delete metadata.namespace;
    return;
  }
  if (metadata.namespace && call.namespace && metadata.namespace !== call.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (call.namespace) metadata.namespace = call.namespace;
}

/** Fills in what only the server decides. A name that was generated is given back, to be tried again on collision. */
export function prepareMetaForCreate(api: ApiContext, object: KubeObject): void {
  const { metadata } = object;
  const loose = metadata as Partial<KubeObject['metadata']>;
  delete loose.deletionTimestamp;
  delete loose.deletionGracePeriodSeconds;
  delete loose.resourceVersion;
  delete loose.selfLink;
  delete loose.generation;
  metadata.uid = api.random.uuid();
  metadata.creationTimestamp = formatTime(api.clock.now());
}

/** A name that begins with the prefix and is at most 63 characters. */
export function generateName(api: ApiContext, prefix: string): string {
  return prefix.slice(0, maxNameLength - suffixLength) + api.random.suffix(suffixLength);
}

/** Whether `generation` counts changes of the spec. */
export function tracksGeneration(kind: AnyKind): boolean {
  return kind.tracksGeneration ?? (kind.struct.byName.has('spec') && kind.struct.byName.has('status'));
}

export function hasStatus(kind: AnyKind): boolean {
  return Boolean(kind.subresources?.status);
}

/** Empties what only the status subresource writes. */
export function dropStatus(kind: AnyKind, object: KubeObject): void {
  const field = kind.struct.byName.get('status');
  const holder = object as Mutable;
  if (field && !field.pointer && field.type.kind === 'struct' && !field.type.struct.dynamic)
    holder['status'] = zeroOf(field.type.struct);
  else delete holder['status'];
}

/** Carries over what an update of the object itself must not touch. */
export function carryStatus(object: KubeObject, old: Shared<KubeObject>): void {
  const before = old as unknown as Record<string, unknown>;
  if (before['status'] === undefined) delete (object as Mutable)['status'];
  else (object as Mutable)['status'] = before['status'];
}

/**
 * The object that a status update makes: the old one with the new status, and with the labels and annotations that were
 * sent, which upstream lets through for most kinds.
 */
export function carrySpec(object: KubeObject, old: Shared<KubeObject>, metadata: 'kept' | 'labels'): KubeObject {
  const out: Record<string, unknown> = { ...old };
  const sent = object as Mutable;
  if (sent['status'] === undefined) delete out['status'];
  else out['status'] = sent['status'];
  const { labels, annotations, managedFields, resourceVersion, uid } = object.metadata;
  const kept: Record<string, unknown> = { ...old.metadata };
  const set = (name: string, value: unknown) => {
    if (value === undefined) delete kept[name];
    else kept[name] = value;
  };
  if (metadata === 'labels') {
    set('labels', labels);
    set('annotations', annotations);
  }
  set('managedFields', managedFields);
  set('resourceVersion', resourceVersion);
  set('uid', uid);
  out['metadata'] = kept;
  return out as unknown as KubeObject;
}

/** As upstream's BeforeUpdate: what was decided at creation stays, deletion marks too. */
export function prepareMetaForUpdate(object: KubeObject, old: Shared<KubeObject>): void {
  const meta = object.metadata as unknown as Record<string, unknown>;
  const before = old.metadata as unknown as Record<string, unknown>;
  const keep = (name: string) => {
    if (before[name] === undefined) delete meta[name];
    else meta[name] = before[name];
  };
  keep('generation');
  keep('creationTimestamp');
  keep('selfLink');
  keep('deletionTimestamp');
  keep('generateName');
  if (!meta['uid']) keep('uid');
  if (before['deletionGracePeriodSeconds'] === undefined) delete meta['deletionGracePeriodSeconds'];
  else meta['deletionGracePeriodSeconds'] ??= before['deletionGracePeriodSeconds'];
}

/** Whether anything but metadata differs; the status counts only where it is not a part of its own. */
export function specChanged(object: KubeObject, old: Shared<KubeObject>, statusApart: boolean): boolean {
  const now = object as unknown as Record<string, unknown>;
  const before = old as unknown as Record<string, unknown>;
  const counts = (key: string) => key !== 'metadata' && key !== 'apiVersion' && !(statusApart && key === 'status');
  for (const key of Object.keys(now)) if (counts(key) && !deepEqual(now[key], before[key])) return true;
  for (const key of Object.keys(before))
    if (counts(key) && now[key] === undefined && before[key] !== undefined) return true;
  return false;
}

/** Removes repeated owner references, with upstream's warning. */
export function dedupeOwnerReferences(call: Call, object: KubeObject): void {
  const references = object.metadata.ownerReferences;
  if (!references || references.length < 2) return;
  const kept: typeof references = [];
  const duplicates = new Set<string>();
  for (const reference of references) {
    if (kept.some((other) => deepEqual(other, reference))) duplicates.add(reference.uid);
    else kept.push(reference);
  }
  if (duplicates.size === 0) return;
  object.metadata.ownerReferences = kept;
  call.warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...duplicates].sort().join(', ')}`,
  );
}
