/**
 * Validation of CustomResourceDefinitions (apiextensions validation.go). Upstream takes what all versions say alike as
 * said once, and names it so in errors: `spec.validation`, `spec.subresources`, …
 */
import type { CustomResourceDefinition } from '../../../api/apiextensions/custom-resource-definition.ts';
import { validateNames } from '../../../api/apiextensions/names-validation.ts';
import type { Shared } from '../../../api/kind.ts';
import { at, child, type FieldError, invalid, notSupported, required } from '../../../api/machinery/field-error.ts';
import { dns1035Label, dns1123Subdomain } from '../../../api/machinery/names.ts';
import { immutableMessage } from '../../../api/machinery/object-meta.ts';
import { deepEqual } from '../../../base/deep.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';
import { validateApproval } from './api-approval.ts';
import { validateListAndMap, validateListKeys } from './list-rules.ts';
import { acceptsReviews, hasUnreadableBundle, validateConversion } from './validate-conversion.ts';
import { hasUnprunedDefaults } from './validate-defaults.ts';
import { newSchemaDemands, type SchemaDemands, validateSchema } from './validate-schema.ts';
import {
  validateColumns,
  validateDeprecation,
  validateSelectableFields,
  validateSubresources,
} from './validate-version.ts';

type Definition = Shared<CustomResourceDefinition>;
type Spec = Definition['spec'];

export const isEstablished = ({ status }: Definition): boolean =>
  Boolean(status.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True'));

/** What is wrong with a definition, and with a change of it: what it was stored with may stay. */
export function validateDefinition(definition: Definition, old?: Definition): FieldError[] {
  const { spec, metadata, status } = definition;
  const errors: FieldError[] = [];
  if (metadata.name !== `${spec.names.plural}.${spec.group}`)
    errors.push(invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'));
  errors.push(...validateSpec(definition, old));
  if (old) errors.push(...validateChange(definition, old));
  errors.push(
    ...validateNames(status.acceptedNames, 'status.acceptedNames'),
    ...validateStoredVersions(definition),
    ...validateApproval(definition, old),
  );
  if (spec.preserveUnknownFields && !old?.spec.preserveUnknownFields)
    errors.push(
      invalid(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  return errors;
}

function validateSpec(definition: Definition, old: Definition | undefined): FieldError[] {
  const { spec } = definition;
  const { group, scope, names, versions } = spec;
  const errors: FieldError[] = [];
  const wrongGroup = group ? dns1123Subdomain(group) : [];
  if (!group) errors.push(required('spec.group'));
  else if (wrongGroup.length) errors.push(invalid('spec.group', group, wrongGroup.join(',')));
  else if (!group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  if (!scope) errors.push(required('spec.scope'));
  else if (scope !== 'Cluster' && scope !== 'Namespaced')
    errors.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  for (const [i, version] of versions.entries())
    if (!version.schema?.openAPIV3Schema)
      errors.push(required(child(at('spec.versions', i), 'schema.openAPIV3Schema'), 'schemas are required'));
  const demands = demandsOn(old);
  for (const [i, version] of versions.entries()) {
    const path = at('spec.versions', i);
    const problems = dns1035Label(version.name);
    if (problems.length) errors.push(invalid(child(path, 'name'), version.name, problems.join(',')));
    errors.push(...validateDeprecation(version, path), ...validateParts(definition, i, { old, demands }));
  }
  const listed = versions.map((version) => version.name);
  if (new Set(listed).size < listed.length)
    errors.push(invalid('spec.versions', listed, 'must contain unique version names'));
  if (versions.filter((version) => version.storage).length !== 1)
    errors.push(invalid('spec.versions', listed, 'must have exactly one version marked as storage version'));
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (!names[name]) errors.push(required(child('spec.names', name)));
  errors.push(...validateNames(names, 'spec.names'));
  if (spec.conversion)
    errors.push(
      ...validateConversion(spec.conversion, {
        // A definition that nobody can use yet may wait for its certificates.
        readableBundle: old !== undefined && isEstablished(old) && !hasUnreadableBundle(old.spec.conversion),
        acceptedReviews: acceptsReviews(old?.spec.conversion),
      }),
    );
  return errors;
}

const sharedNames = {
  schema: 'spec.validation',
  subresources: 'spec.subresources',
  additionalPrinterColumns: 'spec.additionalPrinterColumns',
  selectableFields: 'spec.selectableFields',
} as const;

type Part = keyof typeof sharedNames;

/** Whether all versions say the same of a part. */
function isShared({ versions }: Spec, part: Part): boolean {
  const first = versions[0]?.[part];
  return first !== undefined && versions.every((version) => deepEqual(version[part], first));
}

/** Where errors in a part of a version are found; undefined for a later version's copy of what was checked already. */
function pathOfPart(spec: Spec, index: number, part: Part): string | undefined {
  if (!isShared(spec, part)) return child(at('spec.versions', index), part);
  return index === 0 ? sharedNames[part] : undefined;
}

function validateParts(
  { spec }: Definition,
  index: number,
  { old, demands }: { old: Definition | undefined; demands: SchemaDemands },
): FieldError[] {
  const version = spec.versions[index]!;
  const schema = version.schema?.openAPIV3Schema as Schema | undefined;
  const errors: FieldError[] = [];
  const schemaPath = pathOfPart(spec, index, 'schema');
  if (schema && schemaPath) {
    const before = old?.spec.versions.find((other) => other.name === version.name)?.schema?.openAPIV3Schema;
    const withStatus = isShared(spec, 'schema') ? spec.versions : [version];
    errors.push(
      ...validateSchema(schema, child(schemaPath, 'openAPIV3Schema'), {
        ...demands,
        hasStatus: withStatus.some((each) => each.subresources?.status !== undefined),
        cheapRules: !before || !deepEqual(before, version.schema!.openAPIV3Schema),
      }),
    );
  }
  const subresources = pathOfPart(spec, index, 'subresources');
  if (subresources) errors.push(...validateSubresources(version, subresources));
  const columns = pathOfPart(spec, index, 'additionalPrinterColumns');
  if (columns) errors.push(...validateColumns(version, columns));
  const fields = pathOfPart(spec, index, 'selectableFields');
  if (fields && schema) errors.push(...validateSelectableFields(version, schema, fields));
  return errors;
}

/** What the schemas of an update must be: not better than those that are stored. */
function demandsOn(old: Definition | undefined): SchemaDemands {
  if (!old) return newSchemaDemands;
  const before = old.spec.versions.flatMap(({ schema }) => (schema?.openAPIV3Schema as Schema | undefined) ?? []);
  const isLax = (check: (schema: Schema) => boolean) => before.some((schema) => someSchema(schema, check));
  return {
    ...newSchemaDemands,
    prunedDefaults: !before.some(hasUnprunedDefaults),
    atomicSets: !isLax(
      (schema) => validateListAndMap(schema, '', true).length > validateListAndMap(schema, '', false).length,
    ),
    soundListKeys: !isLax((schema) => validateListKeys(schema, '').length > 0),
  };
}

/** Whether a schema, or one below it, is found by a check. */
function someSchema(schema: Schema, check: (schema: Schema) => boolean): boolean {
  if (check(schema)) return true;
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  const below = [...Object.values(schema.properties ?? {}), ...(items ? [items] : [])];
  if (values && values !== true) below.push(values);
  return below.some((inner) => someSchema(inner, check));
}

function validateChange({ spec }: Definition, old: Definition): FieldError[] {
  const fixed = (path: string, now: string | undefined, before: string | undefined) =>
    now === before ? [] : [invalid(path, now ?? '', immutableMessage)];
  return [
    ...(isEstablished(old)
      ? [
          ...fixed('spec.scope', spec.scope, old.spec.scope),
          ...fixed('spec.names.kind', spec.names.kind, old.spec.names.kind),
        ]
      : []),
    ...fixed('spec.group', spec.group, old.spec.group),
    ...fixed('spec.names.plural', spec.names.plural, old.spec.names.plural),
  ];
}

/** Versions that objects may be stored in must stay until none is. */
function validateStoredVersions({ spec, status }: Definition): FieldError[] {
  const path = 'status.storedVersions';
  const stored = status.storedVersions ?? [];
  if (stored.length === 0) return [invalid(path, stored, 'must have at least one stored version')];
  const errors: FieldError[] = [];
  for (const { name, storage } of spec.versions)
    if (storage && !stored.includes(name)) errors.push(invalid(path, stored, `must have the storage version ${name}`));
  for (const [i, name] of stored.entries())
    if (!spec.versions.some((version) => version.name === name))
      errors.push(
        invalid(
          at(path, i),
          name,
          `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
        ),
      );
  return errors;
}
