/** Records in managedFields who set what, and applies configurations (server-side apply). */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { applyPatch, applyPatchInVersions } from '../../api/machinery/apply/apply.ts';
import {
  type FieldOwner,
  unsettableFields,
  updateManagedFields,
  updateManagedFieldsInVersions,
} from '../../api/machinery/apply/managed-fields.ts';
import type { ApiContext } from '../context.ts';
import type { Call } from './call.ts';
import { hasStatus } from './object-meta.ts';

/** The manager of a write: the one that the client names, else the beginning of its User-Agent. */
export function managerOf(call: Call): string {
  if (call.options.fieldManager) return call.options.fieldManager;
  const { userAgent } = call;
  const slash = userAgent.indexOf('/');
  const prefix = (slash < 0 ? userAgent : userAgent.slice(0, slash)).replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '');
  return prefix.slice(0, 128) || 'unknown';
}

function ownerOf(api: ApiContext, call: Call): FieldOwner {
  return {
    manager: managerOf(call),
    apiVersion: call.resource.hub.apiVersion,
    subresource: call.subresource,
    now: api.clock.now(),
  };
}

/** Before a new object is admitted: all that it has belongs to its creator. */
export function recordCreate(api: ApiContext, call: Call, object: KubeObject): void {
  const { hub } = call.resource;
  updateManagedFields({
    struct: hub.struct,
    live: undefined,
    object,
    owner: ownerOf(api, call),
    ignored: unsettableFields(call.subresource, hasStatus(hub)),
  });
}

/** Before an update is admitted: what it changes belongs to who makes it. A promise where versions are converted. */
export function recordUpdate(
  api: ApiContext,
  call: Call,
  { object, old }: { object: KubeObject; old: Shared<KubeObject> },
): void | Promise<void> {
  const { hub, convert } = call.resource;
  const update = {
    struct: hub.struct,
    live: old,
    object,
    owner: ownerOf(api, call),
    ignored: unsettableFields(call.subresource, hasStatus(hub)),
  };
  return convert ? updateManagedFieldsInVersions(update, convert) : updateManagedFields(update);
}

/** The object that applying a configuration makes; throws 409 for fields that other managers own. */
export async function applyConfiguration(
  api: ApiContext,
  call: Call,
  { applied, live }: { applied: Record<string, unknown>; live: Shared<KubeObject> | undefined },
): Promise<KubeObject> {
  const { hub, convert } = call.resource;
  const request = {
    struct: hub.struct,
    live,
    applied: call.resource.toHub ? { ...applied, apiVersion: hub.apiVersion, kind: hub.kind } : applied,
    owner: ownerOf(api, call),
    force: call.options.force ?? false,
    ignored: unsettableFields(call.subresource, hasStatus(hub)),
  };
  const object = await (convert ? applyPatchInVersions(request, convert) : applyPatch(request));
  object.metadata ??= {} as KubeObject['metadata'];
  return object;
}
