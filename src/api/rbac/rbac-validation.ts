/** Validation of roles and role bindings. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { invalidEach } from '../core/field-rules.ts';
import { at, child, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, pathSegmentName } from '../machinery/names.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type { ClusterRole, PolicyRule, Role, RoleRef, Subject } from '../types/rbac-v1.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

/** The rules of a role in a namespace. */
export function validateRole({ rules }: DeepReadonly<Role>): FieldError[] {
  return validateRules(rules, { namespaced: true });
}

/** The rules of a cluster role, or what it gathers them from. */
export function validateClusterRole({ rules, aggregationRule }: DeepReadonly<ClusterRole>): FieldError[] {
  const errors = validateRules(rules, { namespaced: false });
  if (!aggregationRule) return errors;
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (!selectors.length) {
    return [...errors, required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return [...errors, ...selectors.flatMap((selector, i) => validateLabelSelector(selector, at(path, i)))];
}

function validateRules(
  rules: readonly DeepReadonly<PolicyRule>[] | undefined,
  { namespaced }: { namespaced: boolean },
): FieldError[] {
  return (rules ?? []).flatMap((rule, i) => {
    const path = at('rules', i);
    const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
    const errors = verbs?.length ? [] : [required(child(path, 'verbs'), 'verbs must contain at least one value')];
    if (nonResourceURLs.length) {
      const urlsPath = child(path, 'nonResourceURLs');
      if (namespaced) {
        errors.push(invalid(urlsPath, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
      }
      if (apiGroups.length || resources.length || resourceNames.length) {
        const detail = 'rules cannot apply to both regular resources and non-resource URLs';
        errors.push(invalid(urlsPath, nonResourceURLs, detail));
      }
      return errors;
    }
    if (!apiGroups.length) {
      errors.push(required(child(path, 'apiGroups'), 'resource rules must supply at least one api group'));
    }
    if (!resources.length) {
      errors.push(required(child(path, 'resources'), 'resource rules must supply at least one resource'));
    }
    return errors;
  });
}

interface Binding {
  readonly roleRef: DeepReadonly<RoleRef>;
  readonly subjects?: readonly DeepReadonly<Subject>[];
}

/** A binding of a role in a namespace, or of a cluster role there. */
export function validateRoleBinding(binding: Binding): FieldError[] {
  return [
    ...validateRoleRef(binding.roleRef, ['Role', 'ClusterRole']),
    ...validateSubjects(binding.subjects, { namespaced: true }),
  ];
}

/** A binding of a cluster role everywhere. */
export function validateClusterRoleBinding(binding: Binding): FieldError[] {
  return [
    ...validateRoleRef(binding.roleRef, ['ClusterRole']),
    ...validateSubjects(binding.subjects, { namespaced: false }),
  ];
}

/** A binding keeps its role: who may change what it grants could otherwise grant more. */
export function validateBindingUpdate({ roleRef }: Binding, { roleRef: old }: Binding): FieldError[] {
  return deepEqual(roleRef, old) ? [] : [invalid('roleRef', roleRef, 'cannot change roleRef')];
}

function validateRoleRef({ apiGroup, kind, name }: DeepReadonly<RoleRef>, kinds: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (apiGroup !== rbacGroup) errors.push(notSupported('roleRef.apiGroup', apiGroup, [rbacGroup]));
  if (!kinds.includes(kind)) errors.push(notSupported('roleRef.kind', kind, kinds));
  if (!name) errors.push(required('roleRef.name'));
  else errors.push(...invalidEach('roleRef.name', name, pathSegmentName(name)));
  return errors;
}

function validateSubjects(
  subjects: readonly DeepReadonly<Subject>[] | undefined,
  { namespaced }: { namespaced: boolean },
): FieldError[] {
  return (subjects ?? []).flatMap(({ kind, apiGroup = '', name, namespace }, i) => {
    const path = at('subjects', i);
    const errors = name ? [] : [required(child(path, 'name'))];
    switch (kind) {
      case 'ServiceAccount':
        if (name) errors.push(...invalidEach(child(path, 'name'), name, dns1123Subdomain(name)));
        if (apiGroup) errors.push(notSupported(child(path, 'apiGroup'), apiGroup, ['']));
        if (!namespaced && !namespace) errors.push(required(child(path, 'namespace')));
        break;
      case 'User':
      case 'Group':
        if (apiGroup !== rbacGroup) errors.push(notSupported(child(path, 'apiGroup'), apiGroup, [rbacGroup]));
        break;
      default:
        errors.push(notSupported(child(path, 'kind'), kind, ['ServiceAccount', 'User', 'Group']));
    }
    return errors;
  });
}
