/** Server-side printing: the Table that `kubectl get` asks for (meta.k8s.io/v1). */
import type { AnyKind, Column, KubeObject, Shared } from '../kind.ts';

/** What each row carries of its object. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

type Cell = string | number | boolean | null;

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: Record<string, unknown>;
  readonly columnDefinitions: readonly {
    readonly name: string;
    readonly type: string;
    readonly format: string;
    readonly description: string;
    readonly priority: number;
  }[];
  readonly rows: readonly { readonly cells: readonly Cell[]; readonly object?: unknown }[];
}

const nameDescription =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically.';

/** The columns of kinds that define none. */
export const defaultColumns: readonly Column<KubeObject>[] = [
  { name: 'Name', type: 'string', format: 'name', description: nameDescription, cell: (o) => o.metadata.name },
  {
    name: 'Created At',
    type: 'date',
    description: 'The time on the server when this object was created.',
    cell: (o) => o.metadata.creationTimestamp,
  },
];

const definitions = new WeakMap<readonly unknown[], Table['columnDefinitions']>();

function definitionsOf(columns: readonly Column<KubeObject>[]): Table['columnDefinitions'] {
  let known = definitions.get(columns);
  if (!known) {
    known = columns.map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format: format ?? '',
      description: description ?? (name === 'Name' ? nameDescription : ''),
      priority: priority ?? 0,
    }));
    definitions.set(columns, known);
  }
  return known;
}

/**
 * The table of some objects of a kind; the caller sets the list's metadata. Ages are relative to `now` (ms since the
 * epoch); rows carry their object's metadata unless told otherwise.
 */
export function toTable(
  kind: AnyKind,
  objects: Iterable<Shared<KubeObject>>,
  options: { now: number; includeObject?: IncludeObject | undefined },
): Table {
  const columns = (kind.columns ?? defaultColumns) as readonly Column<KubeObject>[];
  const include = options.includeObject ?? 'Metadata';
  const rows: { cells: Cell[]; object?: unknown }[] = [];
  for (const object of objects) {
    const cells = columns.map((column) => column.cell(object, options.now));
    if (include === 'None') rows.push({ cells });
    else rows.push({ cells, object: include === 'Object' ? object : partialMetadata(object) });
  }
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {},
    columnDefinitions: definitionsOf(columns),
    rows,
  };
}

/** An object's metadata as an object of its own. */
export function partialMetadata(object: Shared<KubeObject>): {
  kind: 'PartialObjectMetadata';
  apiVersion: 'meta.k8s.io/v1';
  metadata: Shared<KubeObject>['metadata'];
} {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
