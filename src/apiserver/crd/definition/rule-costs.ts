/** Refuses rules that could cost too much on the largest object that their schema allows (KEP-2876). */
import { at, child, type FieldError, forbidden } from '../../../api/machinery/field-error.ts';
import type { RuleTree } from '../values/rules.ts';
import { mostInRequest, sizeOf } from './value-sizes.ts';

/** Upstream's limit of one rule, however often it runs in one object. */
const ruleLimit = 10_000_000;
/** Upstream's limit of all rules of a schema. */
const schemaLimit = 100_000_000;

interface Costs {
  /** Of one rule. */
  readonly limit: number;
  readonly errors: FieldError[];
  readonly expensive: { readonly path: string; readonly cost: number }[];
  total: number;
}

/** What is too expensive; `path` leads to the schema. `each`: rules for themselves too, not only all together. */
export function checkRuleCosts(tree: RuleTree, path: string, each = true): FieldError[] {
  const costs: Costs = { limit: each ? ruleLimit : Number.POSITIVE_INFINITY, errors: [], expensive: [], total: 0 };
  walk(tree, { path, times: 1, root: true }, costs);
  if (costs.total <= schemaLimit) return costs.errors;
  const worst = costs.expensive.sort((a, b) => b.cost - a.cost).slice(0, 4);
  const why = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
  const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  return [
    ...costs.errors,
    ...worst.map((rule) => forbidden(rule.path, why)),
    forbidden(path, tooExpensive(name, costs.total, schemaLimit)),
  ];
}

interface Place {
  readonly path: string;
  /** How often the value can be in one object; undefined where a list or map around it has no limit. */
  readonly times: number | undefined;
  readonly root: boolean;
}

function walk(tree: RuleTree, { path, times, root }: Place, costs: Costs): void {
  const { schema } = tree;
  if (tree.rules.length) {
    const self = root ? sizeOf(schema, true) : sizeOf(schema);
    const sizes = { self, oldSelf: self };
    for (const { rule, program, message } of tree.rules) {
      const where = at(child(path, 'x-kubernetes-validations'), schema['x-kubernetes-validations']!.indexOf(rule));
      const cost = program.worstCaseCost(sizes) * (times ?? mostInRequest(schema));
      observe({ path: child(where, 'rule'), name: 'estimated rule cost', cost }, costs);
      if (!message) continue;
      const messageCost = message.worstCaseCost(sizes);
      observe(
        { path: child(where, 'messageExpression'), name: 'estimated messageExpression cost', cost: messageCost },
        costs,
      );
    }
  }
  const next = (name: string, inner: RuleTree, factor: number | undefined) =>
    walk(
      inner,
      {
        path: child(path, name),
        times: times === undefined || factor === undefined ? undefined : times * factor,
        root: false,
      },
      costs,
    );
  for (const [name, inner] of tree.properties) next(`properties[${name}]`, inner, 1);
  if (tree.items) next('items', tree.items, schema.maxItems && Number(schema.maxItems));
  if (tree.values) next('additionalProperties', tree.values, schema.maxProperties && Number(schema.maxProperties));
}

function observe({ path, name, cost }: { path: string; name: string; cost: number }, costs: Costs): void {
  if (cost > costs.limit) costs.errors.push(forbidden(path, tooExpensive(name, cost, ruleLimit)));
  costs.total += cost;
  if (cost >= schemaLimit / 100) costs.expensive.push({ path, cost });
}

function tooExpensive(name: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
