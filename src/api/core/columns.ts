/** Columns and cell texts that the tables of many kinds share, as upstream's printers write them. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { Column, KubeObject } from '../kind.ts';
import { ageOf } from '../machinery/duration.ts';
import type { Container } from '../types/core-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';

/** The column that names the object. */
export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  cell: (object) => object.metadata.name,
};

/** How long the object has been there. */
export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: 'How long ago the server created the object.',
  cell: (object, now) => ageOf(object.metadata.creationTimestamp, now),
};

/** A column of strings. Priority 1 shows it only with `-o wide`. */
export function textColumn<T>(name: string, cell: Column<T>['cell'], priority = 0): Column<T> {
  return { name, type: 'string', priority, cell };
}

/** A column of whole numbers. */
export function integerColumn<T>(name: string, cell: Column<T>['cell'], priority = 0): Column<T> {
  return { name, type: 'integer', priority, cell };
}

/** `a=b,c=d` in the order of keys, `<none>` when empty. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length ? keys.map((key) => `${key}=${labels![key]}`).join(',') : '<none>';
}

/** A label selector as `kubectl get -o wide` prints it. */
export function formatLabelSelector(selector: DeepReadonly<LabelSelector> | undefined): string {
  if (!selector) return '<none>';
  const terms: [string, string][] = Object.entries(selector.matchLabels ?? {}).map(([k, v]) => [k, `${k}=${v}`]);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const list = [...(values ?? [])].sort().join(',');
    if (operator === 'In') terms.push([key, `${key} in (${list})`]);
    else if (operator === 'NotIn') terms.push([key, `${key} notin (${list})`]);
    else if (operator === 'Exists') terms.push([key, key]);
    else if (operator === 'DoesNotExist') terms.push([key, `!${key}`]);
    else return '<error>';
  }
  if (terms.length === 0) return '<none>';
  return terms
    .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
    .map((t) => t[1])
    .join(',');
}

/** The wide columns Containers, Images and Selector of everything that has a pod template. */
export function templateColumns<T>(
  containers: (object: DeepReadonly<T>) => DeepReadonly<Container[]> | undefined,
  selector?: (object: DeepReadonly<T>) => string,
): Column<T>[] {
  const columns: Column<T>[] = [
    textColumn<T>('Containers', (o) => (containers(o) ?? []).map((c) => c.name).join(','), 1),
    textColumn<T>('Images', (o) => (containers(o) ?? []).map((c) => c.image ?? '').join(','), 1),
  ];
  if (selector) columns.push(textColumn<T>('Selector', selector, 1));
  return columns;
}

/** Access modes as volumes' tables abbreviate them. */
export function formatAccessModes(modes: readonly string[] | undefined): string {
  const known: Record<string, string> = {
    ReadWriteOnce: 'RWO',
    ReadOnlyMany: 'ROX',
    ReadWriteMany: 'RWX',
    ReadWriteOncePod: 'RWOP',
  };
  return Object.keys(known)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => known[mode])
    .join(',');
}
