/** What RBAC rules allow, and whether one set of rules covers another (upstream's rbac/v1 evaluation and Covers). */
import type { Shared } from '../../api/kind.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { AuthorizationAttributes } from './authorizer.ts';

type Rule = Shared<PolicyRule>;

const has = (list: readonly string[] | undefined, value: string) => list?.includes(value) ?? false;

/** Whether one rule allows a request. */
export function ruleAllows(rule: Rule, request: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, '*') && !has(rule.verbs, request.verb)) return false;
  if (!request.resourceRequest) return urlMatches(rule, request.path ?? '');
  return (
    (has(rule.apiGroups, '*') || has(rule.apiGroups, request.group ?? '')) &&
    resourceMatches(rule, request.resource ?? '', request.subresource ?? '') &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(request.name ?? ''))
  );
}

function resourceMatches(rule: Rule, resource: string, subresource: string): boolean {
  if (has(rule.resources, '*')) return true;
  if (!subresource) return has(rule.resources, resource);
  return has(rule.resources, `${resource}/${subresource}`) || has(rule.resources, `*/${subresource}`);
}

function urlMatches(rule: Rule, path: string): boolean {
  return (rule.nonResourceURLs ?? []).some(
    (url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, ''))),
  );
}

/** The rule as single permissions: one verb on one resource (with at most one name) or URL each. */
export function breakdownRule(rule: Rule): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const verb of rule.verbs ?? []) {
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        if (!rule.resourceNames?.length) out.push({ apiGroups: [group], resources: [resource], verbs: [verb] });
        for (const name of rule.resourceNames ?? []) {
          out.push({ apiGroups: [group], resources: [resource], resourceNames: [name], verbs: [verb] });
        }
      }
    }
    for (const url of rule.nonResourceURLs ?? []) out.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  return out;
}

function covers(owner: Rule, one: Rule): boolean {
  const every = (mine: readonly string[] | undefined, theirs: readonly string[] | undefined) =>
    has(mine, '*') || (theirs ?? []).every((value) => has(mine, value));
  if (!every(owner.verbs, one.verbs)) return false;
  if (one.nonResourceURLs?.length) {
    return one.nonResourceURLs.every((url) =>
      (owner.nonResourceURLs ?? []).some(
        (mine) => mine === '*' || mine === url || (mine.endsWith('*') && url.startsWith(mine.replace(/\*+$/, ''))),
      ),
    );
  }
  const resources = (one.resources ?? []).every((resource) => {
    const subresource = resource.split('/')[1];
    return (
      has(owner.resources, '*') ||
      has(owner.resources, resource) ||
      (subresource !== undefined && has(owner.resources, `*/${subresource}`))
    );
  });
  const names =
    !owner.resourceNames?.length ||
    (!!one.resourceNames?.length && one.resourceNames.every((name) => has(owner.resourceNames, name)));
  return every(owner.apiGroups, one.apiGroups) && resources && names;
}

/** The single permissions of `wanted` that no rule of `owned` gives. */
export function uncoveredRules(owned: readonly Rule[], wanted: readonly Rule[]): PolicyRule[] {
  return wanted.flatMap(breakdownRule).filter((one) => !owned.some((owner) => covers(owner, one)));
}

/** Joins rules that differ only in their verbs; single-resource rules only, as upstream's CompactRules. */
export function compactRules(rules: readonly Rule[]): PolicyRule[] {
  const compacted = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs]);
    const known = compacted.get(key);
    if (known) known.verbs = [...known.verbs, ...rule.verbs.filter((verb) => !known.verbs.includes(verb))];
    else compacted.set(key, structuredClone(rule) as PolicyRule);
  }
  return [...compacted.values()];
}

const quoted = (values: readonly string[]) => `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function ruleText(rule: Rule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  return `{${parts
    .filter(([, values]) => values?.length)
    .map(([name, values]) => `${name}:${quoted(values!)}`)
    .join(', ')}}`;
}
