/** Checks an applied configuration against the schema and merges it into an object (structured-merge-diff typed/). */
import type { ListSchema, TypeSchema } from '../../schema/schema.ts';
import { setOwn } from '../parse-json.ts';
import { pathText } from './field-set.ts';
import { anyType, childType, ElementError, elementKey, elementsOf, shapeOf } from './typed.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What of a configuration the schema does not allow: `.spec.foo: field not declared in schema`. */
export function checkTyped(type: TypeSchema, value: unknown, path: readonly string[] = []): string[] {
  if (value === null || value === undefined) return [];
  const wrong = (message: string) => [`${pathText(path)}: ${message}`];
  switch (type.kind) {
    case 'any':
      return [];
    case 'scalar':
      return scalarProblem(type, value).flatMap(wrong);
    case 'list':
      return Array.isArray(value) ? checkList(type, value, path) : wrong(`expected list, got ${goValue(value)}`);
    case 'map':
    case 'struct': {
      if (type.kind === 'struct' && shapeOf(type, value) === 'leaf' && !type.atomic) return [];
      if (!isObject(value)) return wrong(`expected map, got ${goValue(value)}`);
      return Object.keys(value).flatMap((key) => {
        const child = childType(type, key);
        const here = [...path, `f:${key}`];
        return child ? checkTyped(child, value[key], here) : [`${pathText(here)}: field not declared in schema`];
      });
    }
  }
}

function checkList(type: ListSchema, list: unknown[], path: readonly string[]): string[] {
  const seen = new Set<string>();
  return list.flatMap((item, i) => {
    if (shapeOf(type, list) === 'leaf') return checkTyped(type.of, item, [...path, `i:${i}`]);
    try {
      const element = elementKey(type, item);
      const here = [...path, element];
      if (seen.has(element)) return [`${pathText(path)}: duplicate entries for key ${pathText([element])}`];
      seen.add(element);
      return checkTyped(type.of, item, here);
    } catch (error) {
      if (error instanceof ElementError) return [`${pathText(path)}: element ${i}: ${error.message}`];
      throw error;
    }
  });
}

function scalarProblem(type: TypeSchema & { kind: 'scalar' }, value: unknown): string[] {
  switch (type.scalar) {
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'float64':
      return typeof value === 'number' || typeof value === 'bigint'
        ? []
        : [`expected numeric (int or float), got ${goTypeOf(value)}`];
    case 'bool':
      return typeof value === 'boolean' ? [] : [`expected boolean, got ${goValue(value)}`];
    case 'string':
    case 'bytes':
    case 'Time':
    case 'MicroTime':
    case 'Duration':
      return typeof value === 'string' ? [] : [`expected string, got ${goValue(value)}`];
    case 'Quantity':
    case 'IntOrString':
      return typeof value === 'object' ? [`expected string, got ${goValue(value)}`] : [];
    default:
      return [];
  }
}

function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value;
}

const goValue = (value: unknown) =>
  typeof value === 'string' ? `&value.valueUnstructured{Value:${JSON.stringify(value)}}` : JSON.stringify(value);

/** The live value with a configuration merged in; neither is changed, parts are shared. */
export function mergeTyped(type: TypeSchema, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const shape = shapeOf(type, applied ?? live);
  if (shape === 'map' && (isObject(live) || isObject(applied))) {
    return mergeMaps(type, isObject(live) ? live : {}, isObject(applied) ? applied : {});
  }
  if (shape === 'list' && (Array.isArray(live) || Array.isArray(applied))) {
    return mergeLists(type as ListSchema, Array.isArray(live) ? live : [], Array.isArray(applied) ? applied : []);
  }
  return applied;
}

function mergeMaps(type: TypeSchema, live: Json, applied: Json): Json {
  const out: Json = {};
  for (const key of Object.keys(live)) {
    const other = Object.hasOwn(applied, key) ? applied[key] : undefined;
    setOwn(out, key, mergeTyped(childType(type, key) ?? anyType, live[key], other));
  }
  for (const key of Object.keys(applied)) if (!Object.hasOwn(live, key)) setOwn(out, key, applied[key]);
  return out;
}

/** Elements in the order of the configuration, with the live list's other elements kept where they were among them. */
function mergeLists(type: ListSchema, live: unknown[], applied: unknown[]): unknown[] {
  const left = elementsOf(type, live);
  const right = elementsOf(type, applied);
  // The live list may have several elements of one key, which merging must not lose.
  const leftOrder = live.map((item) => elementKey(type, item));
  const rightOrder = [...right.keys()];
  const shared = rightOrder.filter((element) => left.has(element));
  const merged = new Set<string>();
  const out: unknown[] = [];
  const take = (element: string) => {
    out.push(mergeTyped(type.of, left.get(element), right.get(element)));
    merged.add(element);
    if (shared[0] === element) shared.shift();
  };
  let l = 0;
  let r = 0;
  while (l < leftOrder.length || r < rightOrder.length) {
    const fromLeft = leftOrder[l];
    const fromRight = rightOrder[r];
    if (fromLeft !== undefined && fromRight !== undefined) {
      if (fromLeft === fromRight) {
        take(fromLeft);
        l++;
        r++;
        continue;
      }
      if (right.has(fromLeft) && shared[0] !== undefined && shared[0] !== fromLeft) {
        l++;
        continue;
      }
    }
    if (fromLeft !== undefined) {
      if (!right.has(fromLeft)) {
        out.push(live[l]);
        l++;
        continue;
      }
      if (merged.has(fromLeft)) l++;
    }
    if (fromRight !== undefined) {
      take(fromRight);
      r++;
    }
  }
  return out;
}
