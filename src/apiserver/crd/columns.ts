/** The columns that a definition asks `kubectl get` to show. */
import type { Column, KubeObject } from '../../api/kind.ts';
import { ageOf } from '../../api/machinery/duration.ts';
import type { CustomResourceColumnDefinition } from '../../api/types/apiextensions-v1.ts';
import type { DeepReadonly } from '../../base/deep.ts';
import { findJsonPath, parseJsonPath } from './json-path.ts';

type Definition = DeepReadonly<CustomResourceColumnDefinition>;

const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  cell: (object) => object.metadata.name,
};

const ageDefinition: Definition = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
};

/** The name, then what the definition lists, or the age: also where one of its paths cannot be read. */
export function columnsOf(definitions: readonly Definition[] | undefined): readonly Column<KubeObject>[] {
  try {
    if (definitions?.length) return [nameColumn, ...definitions.map(columnOf)];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return [nameColumn, columnOf(ageDefinition)];
}

function columnOf(definition: Definition): Column<KubeObject> {
  const { name, type, format, description, priority, jsonPath } = definition;
  const steps = parseJsonPath(jsonPath);
  return {
    name,
    type: type as Column<KubeObject>['type'],
    ...(format ? { format: format as 'date' } : {}),
    ...(description ? { description } : {}),
    ...(priority ? { priority } : {}),
    cell(object, now) {
      const found = findJsonPath(steps, object);
      if (found.length === 0) return type === 'date' ? '<unknown>' : null;
      return cellOf(type, found, now);
    },
  };
}

function cellOf(type: string, found: readonly unknown[], now: number): string | number | boolean | null {
  const [first] = found;
  switch (type) {
    case 'integer':
      if (typeof first === 'bigint') return Number(first);
      return typeof first === 'number' ? Math.trunc(first) : null;
    case 'number':
      return typeof first === 'number' || typeof first === 'bigint' ? Number(first) : null;
    case 'boolean':
      return typeof first === 'boolean' ? first : null;
    case 'date':
      return typeof first === 'string' ? ageOf(first, now) : null;
    default:
      return found.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(',');
  }
}
