/** The scale subresource of workloads and of custom resources. */
import type { AnyKind, KubeObject, ScalePaths, Shared } from '../../api/kind.ts';
import { invalid } from '../../api/machinery/field-error.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import { badRequest, conflict, internalError, invalidObject, modifiedMessage } from '../../api/machinery/status.ts';
import { type StructSchema, structSchema } from '../../api/schema/schema.ts';
import type { Scale } from '../../api/types/autoscaling-v1.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import type { Entry } from '../registry/resource.ts';
import { type BodySchema, decodeBody } from '../verbs/body.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { checkWriteOptions } from '../verbs/call-options.ts';
import { currentEntry } from '../verbs/get.ts';
import { patchedObject, patchTypeOf, readApplied, readPatch } from '../verbs/patch.ts';
import { notAllowed } from '../verbs/refusals.ts';
import { changeObject } from '../verbs/update.ts';

type Loose = Record<string, unknown>;

const scaleSchema = (struct: StructSchema): BodySchema => ({ struct, apiVersion: 'autoscaling/v1', kind: 'Scale' });

export async function scaleHandler(api: ApiContext, call: Call): Promise<Answer> {
  const paths = call.resource.kind.subresources!.scale!;
  switch (call.verb) {
    case 'get': {
      const object = await inVersion(call, currentEntry(call));
      if (isUnset(call, object, paths))
        throw internalError(`the spec replicas field ${JSON.stringify(paths.specReplicasPath)} does not exist`);
      return { code: 200, object: scaleOf(call.resource.hub, object, paths) };
    }
    case 'update':
    case 'patch':
      return change(api, call, paths);
    default:
      throw notAllowed(call);
  }
}

/** An entry's object in the form of the call's version. */
const inVersion = async ({ resource }: Call, entry: Entry): Promise<Shared<KubeObject>> =>
  (resource.load ? await resource.load(entry) : entry).object;

/** Custom resources have no default for their replicas. */
const isUnset = (call: Call, object: Shared<KubeObject>, paths: ScalePaths): boolean =>
  call.resource.custom !== undefined && readPath(object, paths.specReplicasPath) === undefined;

async function change(api: ApiContext, call: Call, paths: ScalePaths): Promise<Answer> {
  const { hub } = call.resource;
  const optionsKind = call.verb === 'update' ? 'UpdateOptions' : 'PatchOptions';
  const schema = scaleSchema(structSchema('autoscaling/v1.Scale'));
  const sent = call.verb === 'update' ? (decodeBody(call, schema) as unknown as Scale) : undefined;
  const type = sent ? undefined : patchTypeOf(call);
  checkWriteOptions(call.options, optionsKind, type === 'apply');
  const wanted = (old: Shared<KubeObject>): Scale => {
    if (sent) return sent;
    const base = scaleOf(hub, old, paths);
    if (isUnset(call, old, paths)) delete (base['spec'] as Loose)['replicas'];
    const document =
      type === 'apply' ? readApplied(call, { apiVersion: 'autoscaling/v1', kind: 'Scale' }) : readPatch(call, type!);
    const merge = type === 'apply' ? 'merge' : type!;
    return patchedObject(call, schema, { base, document, type: merge }) as unknown as Scale;
  };
  const changed = await changeObject(api, call, {
    apply(old) {
      const scale = wanted(old);
      if (!sent && scale.spec.replicas === undefined && isUnset(call, old, paths))
        throw badRequest(`the spec replicas field ${JSON.stringify(paths.specReplicasPath)} cannot be empty`);
      checkScale(call, scale, old);
      const object = mutableCopy(old) as unknown as KubeObject & Loose;
      object.metadata.resourceVersion = scale.metadata.resourceVersion ?? '';
      writePath(object, paths.specReplicasPath, scale.spec.replicas ?? 0);
      return object;
    },
    // Custom resources are validated as in any update.
    scope: call.resource.custom ? 'object' : 'as-applied',
    recordFields: true,
    optionsKind,
  });
  return { code: 200, object: scaleOf(hub, await inVersion(call, changed.entry), paths) };
}

function checkScale(call: Call, scale: Scale, old: Shared<KubeObject>): void {
  const { name, uid, resourceVersion } = scale.metadata;
  if (name && name !== call.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`);
  if (uid && uid !== old.metadata.uid)
    throw conflict(
      call.resource.kind,
      call.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
    throw conflict(call.resource.kind, call.name, modifiedMessage);
  const replicas = scale.spec.replicas ?? 0;
  if (replicas < 0)
    throw invalidObject({ group: 'autoscaling', kind: 'Scale' }, call.name, [
      invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
}

/** The Scale of an object. */
export function scaleOf(kind: AnyKind, object: Shared<KubeObject>, paths: ScalePaths): Record<string, unknown> {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.labelSelectorPath === undefined ? '' : selectorText(readPath(object, paths.labelSelectorPath));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(readPath(object, paths.specReplicasPath) ?? (kind.group === 'apps' ? 1 : 0)) },
    status: {
      replicas: Number(readPath(object, paths.statusReplicasPath) ?? 0),
      ...(selector ? { selector } : {}),
    },
  };
}

/** A selector as text: workloads have a LabelSelector or a map of labels, custom resources the text itself. */
function selectorText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  const isSelector = 'matchLabels' in value || 'matchExpressions' in value || Object.keys(value).length === 0;
  return labelSelectorMatcher(isSelector ? value : { matchLabels: value as Record<string, string> }).toString();
}

const steps = (path: string) => path.split('.').filter(Boolean);

function readPath(object: unknown, path: string): unknown {
  let at = object;
  for (const step of steps(path)) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Loose)[step];
  }
  return at;
}

function writePath(object: Loose, path: string, value: unknown): void {
  const names = steps(path);
  let at = object;
  for (const step of names.slice(0, -1)) {
    if (typeof at[step] !== 'object' || at[step] === null) at[step] = {};
    at = at[step] as Loose;
  }
  at[names.at(-1)!] = value;
}
