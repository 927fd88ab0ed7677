/** Takes objects through a kind's hooks in the order in which the API server does, for tests of kinds. */
import type { Kind, KubeObject, Shared } from './kind.ts';
import { canonicalize } from './machinery/decode.ts';
import { fieldErrorMessage } from './machinery/field-error.ts';

const now = Date.UTC(2026, 0, 1);

/** The object as it would be stored: decoded, named `x` in namespace `default` unless it says otherwise, with defaults. */
export function admitted<T extends KubeObject>(kind: Kind<T>, partial: Record<string, unknown>): T {
  const { metadata, ...rest } = partial;
  const { object } = canonicalize<T>(kind.struct, {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    ...rest,
    metadata: {
      name: 'x',
      uid: 'uid-1',
      ...(kind.namespaced ? { namespace: 'default' } : {}),
      ...(metadata as object | undefined),
    },
  });
  kind.defaults?.(object);
  kind.prepareCreate?.(object, { now, userName: 'jane' });
  return object;
}

/** What a create of the object is refused for, as the messages that users read. */
export function createProblems<T extends KubeObject>(kind: Kind<T>, object: T): string[] {
  const shared = object as Shared<T>;
  return [...(kind.validate?.(shared) ?? []), ...(kind.validateCreate?.(shared) ?? [])].map(fieldErrorMessage);
}

/** What an update is refused for. The change is made on a copy of the stored object. */
export function updateProblems<T extends KubeObject>(kind: Kind<T>, old: T, change: (object: T) => void): string[] {
  const object = structuredClone(old);
  change(object);
  kind.prepareUpdate?.(object, old as Shared<T>, { now });
  const shared = object as Shared<T>;
  const stored = old as Shared<T>;
  return [...(kind.validate?.(shared, stored) ?? []), ...(kind.validateUpdate?.(shared, stored) ?? [])].map(
    fieldErrorMessage,
  );
}

/** The cells of the object's row by column, ages counted at {@link now}. */
export function cells<T extends KubeObject>(kind: Kind<T>, object: T, at: number = now): Record<string, unknown> {
  return Object.fromEntries((kind.columns ?? []).map((column) => [column.name, column.cell(object as Shared<T>, at)]));
}
