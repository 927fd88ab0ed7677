/** Definitions of custom resources as they are validated, without a server around them. */
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import type { KubeObject, Shared } from '../../src/api/kind.ts';
import { canonicalize } from '../../src/api/machinery/decode.ts';
import { fieldErrorMessage } from '../../src/api/machinery/field-error.ts';
import { validateDefinition } from '../../src/apiserver/crd/definition/validate-definition.ts';
import { type Definition, definition, type Json, version } from './custom-world.ts';

type Stored = Shared<CustomResourceDefinition>;

/** The definition as it is before it is validated. */
function decoded(body: Definition): CustomResourceDefinition {
  const { object } = canonicalize<KubeObject>(CustomResourceDefinition.struct, body);
  const made = object as unknown as CustomResourceDefinition;
  CustomResourceDefinition.defaults?.(made);
  CustomResourceDefinition.prepareCreate?.(made, { now: 0 });
  return made;
}

/** What is wrong with a new definition. */
export const messages = (body: Definition): string[] =>
  validateDefinition(decoded(body) as Stored).map(fieldErrorMessage);

/** Problems of a change of a stored definition, which was established unless `before` says otherwise. */
export function changed(
  before: Definition,
  change: (body: Definition) => void,
  status: Partial<CustomResourceDefinition['status']> = {},
): string[] {
  const old = decoded(before);
  old.status.conditions = [{ type: 'Established', status: 'True', reason: '', message: '' }];
  Object.assign(old.status, status);
  const after = structuredClone(before);
  change(after);
  const next = decoded(after);
  next.status = structuredClone(old.status);
  CustomResourceDefinition.prepareUpdate?.(next, old as Stored, { now: 0 });
  return validateDefinition(next as Stored, old as Stored).map(fieldErrorMessage);
}

/** Parts of schemas, and definitions that differ in one. */
export const text = { type: 'string' };
export const object = (properties: Json, more: Json = {}) => ({ type: 'object', properties, ...more });
export const widgets = (spec: Json = object({ a: text }), more: Json = {}) =>
  definition('widgets', [version('v1', spec, more)]);
export const withSchema = (schema: Json, more: Json = {}): Definition => {
  const body = widgets(object({}), more);
  body.spec.versions[0]!.schema.openAPIV3Schema = schema;
  return body;
};

export const root = 'spec.validation.openAPIV3Schema';
export const field = `${root}.properties[spec].properties[x]`;
