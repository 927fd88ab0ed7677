/** Validation of CustomResourceDefinitions. */
import { validateClientConfig } from '../../api/admissionregistration/webhook-client-validation.ts';
import type { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import type { Shared } from '../../api/kind.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooMany,
} from '../../api/machinery/field-error.ts';
import { dns1035Label, dns1123Subdomain } from '../../api/machinery/names.ts';
import { immutableMessage } from '../../api/machinery/object-meta.ts';
import { deepEqual } from '../../base/deep.ts';
import { parseJsonPath } from './json-path.ts';
import type { Schema } from './schema-types.ts';
import { validateSchema } from './validate-schema.ts';

type Definition = Shared<CustomResourceDefinition>;
type Version = Definition['spec']['versions'][number];

const approvalAnnotation = 'api-approved.kubernetes.io';
const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];

/** What is wrong with a definition, and with a change of it. */
export function validateDefinition(definition: Definition, old?: Definition): FieldError[] {
  const { spec, metadata } = definition;
  const errors: FieldError[] = [];
  if (metadata.name !== `${spec.names.plural}.${spec.group}`)
    errors.push(invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'));
  checkGroup(definition, errors);
  if (!spec.scope) errors.push(required('spec.scope'));
  else if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced')
    errors.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  checkNames(definition, errors);
  checkVersions(definition, errors);
  checkConversion(definition, errors);
  if (spec.preserveUnknownFields)
    errors.push(
      invalid(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  const names = new Set(spec.versions.map((version) => version.name));
  for (const [i, stored] of (definition.status.storedVersions ?? []).entries())
    if (!names.has(stored))
      errors.push(invalid(at('status.storedVersions', i), stored, 'must appear in spec.versions'));
  if (old) checkChange(definition, old, errors);
  return errors;
}

function checkGroup({ spec, metadata }: Definition, errors: FieldError[]): void {
  const { group } = spec;
  if (!group) {
    errors.push(required('spec.group'));
    return;
  }
  for (const message of dns1123Subdomain(group)) errors.push(invalid('spec.group', group, message));
  if (!group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  const reserved = /(^|\.)(k8s|kubernetes)\.io$/.test(group);
  if (!reserved) return;
  const path = `metadata.annotations[${approvalAnnotation}]`;
  const approval = metadata.annotations?.[approvalAnnotation];
  if (!approval)
    errors.push(
      required(
        path,
        `protected groups must have approval annotation "${approvalAnnotation}", see https://github.com/kubernetes/enhancements/pull/1111`,
      ),
    );
  else if (!approval.startsWith('unapproved') && !URL.canParse(approval))
    errors.push(
      invalid(
        path,
        approval,
        'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    );
}

function checkNames({ spec }: Definition, errors: FieldError[]): void {
  const { names } = spec;
  const path = 'spec.names';
  const label = (name: string, value: string | undefined, needed: boolean) => {
    if (!value) {
      if (needed) errors.push(required(child(path, name)));
      return;
    }
    for (const message of dns1035Label(value)) errors.push(invalid(child(path, name), value, message));
  };
  label('plural', names.plural, true);
  label('singular', names.singular, false);
  const kindLike = (name: string, value: string | undefined, needed: boolean) => {
    if (!value) {
      if (needed) errors.push(required(child(path, name)));
      return;
    }
    for (const message of dns1035Label(value.toLowerCase()))
      errors.push(invalid(child(path, name), value, `may have mixed case, but should otherwise match: ${message}`));
  };
  kindLike('kind', names.kind, true);
  kindLike('listKind', names.listKind, true);
  for (const [i, name] of (names.shortNames ?? []).entries())
    for (const message of dns1035Label(name)) errors.push(invalid(at(child(path, 'shortNames'), i), name, message));
  for (const [i, name] of (names.categories ?? []).entries())
    for (const message of dns1035Label(name)) errors.push(invalid(at(child(path, 'categories'), i), name, message));
  if (names.kind && names.kind === names.listKind)
    errors.push(invalid(child(path, 'listKind'), names.listKind, 'kind and listKind may not be the same'));
}

function checkVersions({ spec }: Definition, errors: FieldError[]): void {
  if (spec.versions.length === 0) errors.push(required('spec.versions', 'must have at least one version'));
  const seen = new Set<string>();
  for (const [i, version] of spec.versions.entries()) {
    const path = at('spec.versions', i);
    if (seen.has(version.name)) errors.push(duplicate(child(path, 'name'), version.name));
    seen.add(version.name);
    for (const message of dns1035Label(version.name)) errors.push(invalid(child(path, 'name'), version.name, message));
    checkVersion(spec, i, errors);
  }
  const storage = spec.versions.filter((version) => version.storage).length;
  if (spec.versions.length > 0 && storage !== 1)
    errors.push(
      invalid(
        'spec.versions',
        spec.versions.map((v) => v.name),
        'must have exactly one version marked as storage version',
      ),
    );
}

const sharedNames = {
  schema: 'spec.validation',
  subresources: 'spec.subresources',
  additionalPrinterColumns: 'spec.additionalPrinterColumns',
  selectableFields: 'spec.selectableFields',
} as const;

/**
 * Where errors in a part of a version are found: what all versions have in common is checked once, and named as
 * upstream names it. Undefined for a later version's copy of it.
 */
function pathOfPart(spec: Definition['spec'], index: number, part: keyof typeof sharedNames): string | undefined {
  const first = spec.versions[0]?.[part];
  if (first === undefined || !spec.versions.every((version) => deepEqual(version[part], first)))
    return child(at('spec.versions', index), part);
  return index === 0 ? sharedNames[part] : undefined;
}

function checkVersion(spec: Definition['spec'], index: number, errors: FieldError[]): void {
  const version = spec.versions[index]!;
  const path = at('spec.versions', index);
  const schema = version.schema?.openAPIV3Schema as Schema | undefined;
  const schemaPath = pathOfPart(spec, index, 'schema');
  if (!schema) errors.push(required(child(path, 'schema.openAPIV3Schema'), 'schemas are required'));
  else if (schemaPath) errors.push(...validateSchema(schema, child(schemaPath, 'openAPIV3Schema')));
  if (!version.deprecated && version.deprecationWarning !== undefined)
    errors.push(
      invalid(child(path, 'deprecationWarning'), version.deprecationWarning, 'can only be set for deprecated versions'),
    );
  const columns = pathOfPart(spec, index, 'additionalPrinterColumns');
  if (columns) checkColumns(version, columns, errors);
  const fields = pathOfPart(spec, index, 'selectableFields');
  if (fields) checkSelectableFields(version, fields, errors);
  const subresources = pathOfPart(spec, index, 'subresources');
  const scale = version.subresources?.scale;
  if (!scale || !subresources) return;
  const scalePath = child(subresources, 'scale');
  checkScalePath(scale.specReplicasPath, '.spec.', child(scalePath, 'specReplicasPath'), errors);
  checkScalePath(scale.statusReplicasPath, '.status.', child(scalePath, 'statusReplicasPath'), errors);
  if (scale.labelSelectorPath && !/^\.(spec|status)\./.test(scale.labelSelectorPath))
    errors.push(
      invalid(
        child(scalePath, 'labelSelectorPath'),
        scale.labelSelectorPath,
        'should be a json path under either .spec or .status',
      ),
    );
}

function checkColumns(version: Version, path: string, errors: FieldError[]): void {
  for (const [i, column] of (version.additionalPrinterColumns ?? []).entries()) {
    const where = at(path, i);
    if (!column.name) errors.push(required(child(where, 'name')));
    if (!column.type) errors.push(required(child(where, 'type'), `must be one of ${columnTypes.join(',')}`));
    else if (!columnTypes.includes(column.type))
      errors.push(invalid(child(where, 'type'), column.type, `must be one of ${columnTypes.join(',')}`));
    checkPath(column.jsonPath, child(where, 'jsonPath'), errors);
  }
}

function checkSelectableFields(version: Version, path: string, errors: FieldError[]): void {
  const fields = version.selectableFields ?? [];
  if (fields.length > 8) errors.push(tooMany(path, fields.length, 8));
  for (const [i, field] of fields.entries()) checkPath(field.jsonPath, child(at(path, i), 'jsonPath'), errors);
}

function checkPath(jsonPath: string | undefined, path: string, errors: FieldError[]): void {
  if (!jsonPath) {
    errors.push(required(path));
    return;
  }
  if (!jsonPath.startsWith('.') && !jsonPath.startsWith('[')) {
    errors.push(invalid(path, jsonPath, 'must be a simple json path starting with .'));
    return;
  }
  try {
    parseJsonPath(jsonPath);
  } catch {
    errors.push(invalid(path, jsonPath, 'is an invalid path: it cannot be parsed'));
  }
}

function checkScalePath(value: string | undefined, prefix: string, path: string, errors: FieldError[]): void {
  if (!value) errors.push(required(path));
  else if (!value.startsWith(prefix))
    errors.push(invalid(path, value, `should be a json path under ${prefix.slice(0, -1)}`));
}

function checkConversion({ spec }: Definition, errors: FieldError[]): void {
  const { conversion } = spec;
  if (!conversion) return;
  if (conversion.strategy !== 'None' && conversion.strategy !== 'Webhook') {
    errors.push(notSupported('spec.conversion.strategy', conversion.strategy, ['None', 'Webhook']));
    return;
  }
  const { webhook } = conversion;
  if (conversion.strategy === 'None') {
    if (webhook)
      errors.push(forbidden('spec.conversion.webhook', 'should not be set when strategy is not set to Webhook'));
    return;
  }
  if (!webhook?.clientConfig)
    errors.push(required('spec.conversion.webhook.clientConfig', 'required when strategy is set to Webhook'));
  else errors.push(...validateClientConfig(webhook.clientConfig, 'spec.conversion.webhook.clientConfig'));
  const versions = webhook?.conversionReviewVersions ?? [];
  if (versions.length === 0) errors.push(required('spec.conversion.webhook.conversionReviewVersions'));
  else if (!versions.includes('v1') && !versions.includes('v1beta1'))
    errors.push(
      invalid('spec.conversion.webhook.conversionReviewVersions', versions, 'must include at least one of v1, v1beta1'),
    );
}

function checkChange(definition: Definition, old: Definition, errors: FieldError[]): void {
  const fixed = (path: string, now: string | undefined, before: string | undefined) => {
    if (now !== before) errors.push(invalid(path, now ?? '', immutableMessage));
  };
  fixed('spec.group', definition.spec.group, old.spec.group);
  fixed('spec.scope', definition.spec.scope, old.spec.scope);
  const established = old.status.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
  if (!established) return;
  fixed('spec.names.kind', definition.spec.names.kind, old.spec.names.kind);
  fixed('spec.names.plural', definition.spec.names.plural, old.spec.names.plural);
}
