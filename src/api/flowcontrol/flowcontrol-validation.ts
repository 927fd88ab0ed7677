/** Validation of flow schemas and priority levels. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { invalidEach, validateEach } from '../core/field-rules.ts';
import { at, child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '../machinery/names.ts';
import type {
  FlowSchema,
  NonResourcePolicyRule,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../types/flowcontrol-v1.ts';
import { mandatoryFlowSchemas, mandatoryPriorityLevels } from './mandatory-objects.ts';

const own = <T>(map: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(map, name) ? map[name] : undefined;

const maxPrecedence = 10_000;
const maxQueues = 10_000_000;
const verbs = new Set('get list watch create update patch delete deletecollection proxy'.split(' '));

const fixed = (name: string) => `spec of '${name}' must equal the fixed value`;

/** A flow schema: where it sends which requests. */
export function validateFlowSchema({ metadata, spec }: DeepReadonly<FlowSchema>): FieldError[] {
  const { matchingPrecedence, distinguisherMethod, priorityLevelConfiguration: level } = spec;
  const errors: FieldError[] = [];
  if (matchingPrecedence <= 0) {
    errors.push(invalid('spec.matchingPrecedence', matchingPrecedence, 'must be a positive value'));
  }
  if (matchingPrecedence > maxPrecedence) {
    const detail = `must not be greater than ${maxPrecedence}`;
    errors.push(invalid('spec.matchingPrecedence', matchingPrecedence, detail));
  }
  if (matchingPrecedence === 1 && metadata.name !== 'exempt') {
    const detail = "only the schema named 'exempt' may have matchingPrecedence 1";
    errors.push(invalid('spec.matchingPrecedence', matchingPrecedence, detail));
  }
  const type = distinguisherMethod?.type;
  if (distinguisherMethod && type !== 'ByUser' && type !== 'ByNamespace') {
    errors.push(notSupported('spec.distinguisherMethod', distinguisherMethod, ['ByNamespace', 'ByUser']));
  }
  const levelPath = 'spec.priorityLevelConfiguration.name';
  if (!level.name) errors.push(required(levelPath, 'must reference a priority level'));
  else errors.push(...invalidEach(levelPath, level.name, dns1123Subdomain(level.name)));
  const mandatory = own(mandatoryFlowSchemas, metadata.name);
  if (mandatory && !deepEqual(spec, mandatory)) errors.push(invalid('spec', spec, fixed(metadata.name)));
  return [
    ...errors,
    ...validateEach(spec.rules, 'spec.rules', ({ subjects, resourceRules, nonResourceRules }, path) => {
      const found = subjects?.length
        ? validateEach(subjects, child(path, 'subjects'), validateSubject)
        : [required(child(path, 'subjects'), 'subjects must contain at least one value')];
      if (!resourceRules?.length && !nonResourceRules?.length) {
        found.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
      }
      return [
        ...found,
        ...validateEach(resourceRules, child(path, 'resourceRules'), validateResourceRule),
        ...validateEach(nonResourceRules, child(path, 'nonResourceRules'), validateNonResourceRule),
      ];
    }),
  ];
}

function validateSubject(subject: DeepReadonly<Subject>, path: string): FieldError[] {
  const members = { User: 'user', Group: 'group', ServiceAccount: 'serviceAccount' } as const;
  const { kind } = subject;
  if (!Object.hasOwn(members, kind)) return [notSupported(child(path, 'kind'), kind, Object.keys(members).sort())];
  const expected = members[kind as keyof typeof members];
  const errors: FieldError[] = [];
  if (!subject[expected]) {
    errors.push(required(child(path, expected), `${expected} is required when subject kind is '${kind}'`));
  } else if (!subject[expected].name) errors.push(required(child(child(path, expected), 'name')));
  if (kind === 'ServiceAccount' && subject.serviceAccount) {
    const { name, namespace } = subject.serviceAccount;
    const accountPath = child(path, 'serviceAccount');
    if (name && name !== '*') errors.push(...invalidEach(child(accountPath, 'name'), name, dns1123Subdomain(name)));
    if (namespace) errors.push(...invalidEach(child(accountPath, 'namespace'), namespace, dns1123Label(namespace)));
    else errors.push(required(child(accountPath, 'namespace'), 'must specify namespace for service account'));
  }
  for (const [owner, member] of Object.entries(members)) {
    if (member !== expected && subject[member]) {
      errors.push(forbidden(child(path, member), `${member} is forbidden when subject kind is not '${owner}'`));
    }
  }
  return errors;
}

function validateVerbs(list: readonly string[], path: string): FieldError[] {
  if (!list?.length) return [required(path, 'verbs must contain at least one value')];
  if (list.includes('*')) {
    return list.length > 1 ? [invalid(path, list, "if '*' is present, must not specify other verbs")] : [];
  }
  return list.some((verb) => !verbs.has(verb) && !/^[a-z]+$/.test(verb))
    ? [notSupported(path, list, [...verbs].sort())]
    : [];
}

function validateList(list: readonly string[] | undefined, path: string, missing: string): FieldError[] {
  if (!list?.length) return [required(path, missing)];
  return list.length > 1 && list.includes('*')
    ? [invalid(path, list, `if '*' is present, must not specify other ${path.slice(path.lastIndexOf('.') + 1)}`)]
    : [];
}

function validateResourceRule(rule: DeepReadonly<ResourcePolicyRule>, path: string): FieldError[] {
  const errors = [
    ...validateVerbs(rule.verbs, child(path, 'verbs')),
    ...validateList(rule.apiGroups, child(path, 'apiGroups'), 'resource rules must supply at least one api group'),
    ...validateList(rule.resources, child(path, 'resources'), 'resource rules must supply at least one resource'),
  ];
  if (!rule.namespaces?.length && !rule.clusterScope) {
    const detail = 'resource rules that are not cluster scoped must supply at least one namespace';
    errors.push(required(child(path, 'namespaces'), detail));
  } else if ((rule.namespaces?.length ?? 0) > 1 && rule.namespaces!.includes('*')) {
    errors.push(
      invalid(child(path, 'namespaces'), rule.namespaces, "if '*' is present, must not specify other namespaces"),
    );
  }
  return errors;
}

function validateNonResourceRule(rule: DeepReadonly<NonResourcePolicyRule>, path: string): FieldError[] {
  const errors = validateVerbs(rule.verbs, child(path, 'verbs'));
  const urls = rule.nonResourceURLs ?? [];
  const urlsPath = child(path, 'nonResourceURLs');
  if (!urls.length) errors.push(required(urlsPath, 'nonResourceURLs must contain at least one value'));
  else if (urls.length > 1 && urls.includes('*')) {
    errors.push(invalid(urlsPath, urls, "if '*' is present, must not specify other non-resource URLs"));
  }
  for (const [i, url] of urls.entries()) {
    if (url === '*') continue;
    const itemPath = at(urlsPath, i);
    if (!url.startsWith('/')) errors.push(invalid(itemPath, url, 'must start with slash'));
    if (url.includes(' ')) errors.push(invalid(itemPath, url, 'must not contain white-space'));
    if (url.includes('//')) errors.push(invalid(itemPath, url, 'must not contain double slash'));
    const star = url.indexOf('*');
    if (star >= 0 && !(star === url.length - 1 && url.endsWith('/*'))) {
      errors.push(invalid(itemPath, url, 'wildcard can only do suffix matching'));
    }
  }
  return errors;
}

/** A priority level: exempt, or limited with a share of the capacity. */
export function validatePriorityLevel({ metadata, spec }: DeepReadonly<PriorityLevelConfiguration>): FieldError[] {
  const { type, limited, exempt } = spec;
  const errors: FieldError[] = [];
  if ((metadata.name === 'exempt') !== (type === 'Exempt')) {
    errors.push(invalid('spec.type', type, "type must be 'Exempt' if and only if name is 'exempt'"));
  }
  switch (type) {
    case 'Exempt':
      if (limited) errors.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
      if (exempt) errors.push(...validateShares(exempt, 'spec.exempt', 0));
      break;
    case 'Limited':
      if (exempt) errors.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
      if (!limited) errors.push(required('spec.limited', 'must not be empty when type is Limited'));
      else errors.push(...validateLimited(limited));
      break;
    default:
      errors.push(notSupported('spec.type', type, ['Exempt', 'Limited']));
  }
  return [...errors, ...validateMandatoryLevel(metadata.name, spec)];
}

function validateMandatoryLevel(name: string, spec: DeepReadonly<PriorityLevelConfiguration>['spec']): FieldError[] {
  const mandatory = own(mandatoryPriorityLevels, name);
  if (!mandatory) return [];
  if (name !== 'exempt') return deepEqual(spec, mandatory) ? [] : [invalid('spec', spec, fixed(name))];
  const { exempt: _, ...rest } = spec;
  const { exempt: __, ...wanted } = mandatory;
  if (deepEqual(rest, wanted)) return [];
  const detail = "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value";
  return [invalid('spec', spec, detail)];
}

function validateShares(
  {
    nominalConcurrencyShares,
    lendablePercent,
  }: { readonly nominalConcurrencyShares?: number; readonly lendablePercent?: number },
  path: string,
  minShares: number,
): FieldError[] {
  const errors: FieldError[] = [];
  if (nominalConcurrencyShares !== undefined && nominalConcurrencyShares < minShares) {
    const detail = minShares === 0 ? 'must be a non-negative integer' : 'must be positive';
    errors.push(invalid(child(path, 'nominalConcurrencyShares'), nominalConcurrencyShares, detail));
  }
  if (lendablePercent !== undefined && (lendablePercent < 0 || lendablePercent > 100)) {
    const detail = 'must be between 0 and 100, inclusive';
    errors.push(invalid(child(path, 'lendablePercent'), lendablePercent, detail));
  }
  return errors;
}

function validateLimited(
  limited: NonNullable<DeepReadonly<PriorityLevelConfiguration>['spec']['limited']>,
): FieldError[] {
  const errors = validateShares(limited, 'spec.limited', 0);
  const { borrowingLimitPercent, limitResponse } = limited;
  if (borrowingLimitPercent !== undefined && borrowingLimitPercent < 0) {
    const detail = 'if specified, must be a non-negative integer';
    errors.push(invalid('spec.limited.borrowingLimitPercent', borrowingLimitPercent, detail));
  }
  const path = 'spec.limited.limitResponse';
  if (limitResponse.type === 'Reject') {
    if (limitResponse.queuing) {
      errors.push(forbidden(child(path, 'queuing'), 'must be nil if limited.limitResponse.type is not Limited'));
    }
  } else if (limitResponse.type === 'Queue') {
    if (!limitResponse.queuing) {
      errors.push(required(child(path, 'queuing'), 'must not be empty if limited.limitResponse.type is Limited'));
    } else errors.push(...validateQueuing(limitResponse.queuing, child(path, 'queuing')));
  } else errors.push(notSupported(child(path, 'type'), limitResponse.type, ['Queue', 'Reject']));
  return errors;
}

function validateQueuing(
  { queues, handSize, queueLengthLimit }: DeepReadonly<QueuingConfiguration>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (queueLengthLimit <= 0)
    errors.push(invalid(child(path, 'queueLengthLimit'), queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalid(child(path, 'queues'), queues, 'must be positive'));
  else if (queues > maxQueues) {
    errors.push(invalid(child(path, 'queues'), queues, `must not be greater than ${maxQueues}`));
  }
  if (handSize <= 0) errors.push(invalid(child(path, 'handSize'), handSize, 'must be positive'));
  else if (handSize > queues) {
    const detail = `should not be greater than queues (${queues})`;
    errors.push(invalid(child(path, 'handSize'), handSize, detail));
  } else if (handSize * Math.log2(queues) > 60) {
    const bits = Math.ceil(handSize * Math.log2(queues));
    const detail = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than 60: ${bits}`;
    errors.push(invalid(child(path, 'handSize'), handSize, detail));
  }
  return errors;
}
