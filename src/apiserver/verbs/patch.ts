/** PATCH: JSON patch, merge patch, strategic merge patch and server-side apply. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { parseJson, parseYaml } from '../../api/machinery/decode.ts';
import { invalid } from '../../api/machinery/field-error.ts';
import { applyJsonPatch } from '../../api/machinery/json-patch.ts';
import { applyMergePatch } from '../../api/machinery/merge-patch.ts';
import { badRequest, invalidObject, StatusError } from '../../api/machinery/status.ts';
import { applyStrategicMerge } from '../../api/machinery/strategic-merge.ts';
import { type PatchType, patchContentTypes } from '../../client/transport.ts';
import type { ApiContext } from '../context.ts';
import { behaviourOf } from '../subresources/same-kind.ts';
import { type BodySchema, canonicalBody, schemaOf, unsupportedMediaType } from './body.ts';
import type { Answer, Call } from './call.ts';
import { checkWriteOptions } from './call-options.ts';
import { presented } from './get.ts';
import { applyConfiguration } from './managed-fields.ts';
import { changeObject } from './update.ts';

const maxJsonPatchOperations = 10_000;

export async function patch(api: ApiContext, call: Call): Promise<Answer> {
  const type = patchTypeOf(call);
  checkWriteOptions(call.options, 'PatchOptions', type === 'apply');
  const changed = type === 'apply' ? await apply(api, call) : await merge(api, call, type);
  return { code: changed.created ? 201 : 200, entry: await presented(call, changed.entry) };
}

/** The type of the call's patch, refused where the resource cannot take it. */
export function patchTypeOf(call: Call): PatchType {
  const accepted: PatchType[] = call.resource.custom
    ? ['json', 'merge', 'apply']
    : ['json', 'merge', 'strategic', 'apply'];
  if (call.patchType && accepted.includes(call.patchType)) return call.patchType;
  throw unsupportedMediaType(accepted.map((type) => patchContentTypes[type]));
}

function merge(api: ApiContext, call: Call, type: Exclude<PatchType, 'apply'>) {
  const { resource } = call;
  const schema = schemaOf(resource.kind, resource.custom);
  const document = readPatch(call, type);
  const present = resource.toHub ? resource.kind.storedAs!.fromStorage : undefined;
  const behaviour = behaviourOf(call);
  return changeObject(api, call, {
    apply(old) {
      const base = present ? present(old) : old;
      const object = patchedObject(call, schema, { base, document, type });
      if (!resource.toHub) return object;
      resource.kind.defaults?.(object);
      return resource.toHub(object);
    },
    ...behaviour,
    recordFields: true,
    optionsKind: 'PatchOptions',
  });
}

async function apply(api: ApiContext, call: Call) {
  const applied = readApplied(call);
  const behaviour = behaviourOf(call);
  return changeObject(api, call, {
    apply: (old) => applyConfiguration(api, call, { applied, live: old }),
    ...(call.subresource ? {} : { create: () => applyConfiguration(api, call, { applied, live: undefined }) }),
    ...behaviour,
    recordFields: false,
    optionsKind: 'PatchOptions',
  });
}

/** The patch as data; throws 400 for what is not one. */
export function readPatch(call: Call, type: Exclude<PatchType, 'apply'>): unknown {
  const { body } = call;
  if (!body) throw badRequest('the patch has no body');
  const document = 'object' in body ? body.object : parsePatch(body.bytes);
  if (type === 'json') {
    if (!Array.isArray(document))
      throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
    if (document.length > maxJsonPatchOperations)
      throw new StatusError(
        'RequestEntityTooLarge',
        `Request entity too large: The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${document.length}`,
      );
  } else if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw badRequest('error decoding patch: the patch must be an object');
  return document;
}

function parsePatch(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes).value;
  } catch (error) {
    if (error instanceof StatusError) throw badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}

/** What the patch makes of a base, decoded strictly as fieldValidation asks. Throws 400 and 422 as upstream. */
export function patchedObject(
  call: Call,
  schema: BodySchema,
  { base, document, type }: { base: unknown; document: unknown; type: Exclude<PatchType, 'apply'> },
): KubeObject {
  const value = patchedData(schema, { base, document, type });
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('error decoding patch: the result is not an object');
  const shown = () => JSON.stringify(type === 'strategic' ? document : value);
  try {
    return canonicalBody(call, schema, { value: value as Record<string, unknown>, prefix: '' });
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'BadRequest') throw error;
    throw invalidObject({ group: '', kind: '' }, '', [invalid('patch', shown(), error.message)]);
  }
}

function patchedData(
  schema: BodySchema,
  { base, document, type }: { base: unknown; document: unknown; type: Exclude<PatchType, 'apply'> },
): unknown {
  switch (type) {
    case 'json':
      return applyJsonPatch(base, document as Parameters<typeof applyJsonPatch>[1]);
    case 'merge':
      return applyMergePatch(base, document);
    case 'strategic':
      return applyStrategicMerge(schema.struct, base as Record<string, unknown>, document as Record<string, unknown>);
  }
}

/** The configuration that a client applies: YAML or JSON, with the type and name that the URL has. */
export function readApplied(
  call: Call,
  expected: { apiVersion: string; kind: string } = call.resource.kind,
): Record<string, unknown> {
  const { body } = call;
  if (!body) throw badRequest('the patch has no body');
  const value = 'object' in body ? body.object : parseApplied(body.bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('error decoding YAML: the applied configuration must be an object');
  const applied = value as Record<string, unknown> & { metadata?: Record<string, unknown> };
  if (!applied['apiVersion'] || !applied['kind'])
    throw badRequest('invalid object type: an applied configuration must have apiVersion and kind');
  if (applied['kind'] !== expected.kind)
    throw badRequest(`invalid object type: ${String(applied['apiVersion'])}, Kind=${String(applied['kind'])}`);
  const { name, managedFields } = applied.metadata ?? {};
  if (managedFields !== undefined && managedFields !== null) throw badRequest('metadata.managedFields must be nil');
  if (typeof name === 'string' && name !== '' && name !== call.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`);
  return { ...applied, metadata: { ...applied.metadata, name: call.name } };
}

function parseApplied(bytes: Uint8Array): unknown {
  try {
    return parseYaml(bytes).value;
  } catch (error) {
    if (error instanceof StatusError) throw badRequest(`error decoding YAML: ${error.message}`);
    throw error;
  }
}

export type PatchBase = Shared<KubeObject>;
