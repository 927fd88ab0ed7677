/** Records in managedFields who set what. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { badRequest } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import type { Call } from './call.ts';

/** The manager of a write: the one that the client names, else the beginning of its User-Agent. */
export function managerOf(call: Call): string {
  if (call.options.fieldManager) return call.options.fieldManager;
  const { userAgent } = call;
  const slash = userAgent.indexOf('/');
  const prefix = (slash < 0 ? userAgent : userAgent.slice(0, slash)).replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '');
  return prefix.slice(0, 128) || 'unknown';
}

export function recordCreate(_api: ApiContext, _call: Call, _object: KubeObject): void {}

export function recordUpdate(
  _api: ApiContext,
  _call: Call,
  _write: { object: KubeObject; old: Shared<KubeObject> },
): void {}

export function applyConfiguration(
  _api: ApiContext,
  _call: Call,
  _given: { applied: Record<string, unknown>; live: Shared<KubeObject> | undefined },
): KubeObject {
  throw badRequest('apply is not there yet');
}
