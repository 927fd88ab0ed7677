/** Conversion of versions that differ from the stored one in their apiVersion and a few dropped fields only. */
import { mutableCopy } from '../../base/deep.ts';
import type { Conversion, Kind, KubeObject, Shared } from '../kind.ts';

export interface NewerVersion<S extends KubeObject> {
  readonly kind: () => Kind<S>;
  /** The legacy apiVersion. */
  readonly apiVersion: string;
  /** Kubernetes releases, `1.9`: since when the version is deprecated, and since when upstream serves it no more. */
  readonly deprecatedIn: string;
  readonly removedIn: string;
  /** Changes what is not alike, after the copy. */
  readonly toStorage?: (object: S) => void;
  readonly fromStorage?: (object: S) => void;
}

/** What these versions had and no stored version has: rollbacks by field, and the template's generation. */
const droppedSpecFields = ['rollbackTo', 'templateGeneration'];

/** A conversion for types whose fields are the same in both versions. */
export function storedUnderNewerVersion<T extends KubeObject, S extends KubeObject>(
  newer: NewerVersion<S>,
): Conversion<T, S> {
  const { apiVersion, deprecatedIn, removedIn } = newer;
  return {
    kind: newer.kind,
    toStorage(object) {
      const { spec } = object as { spec?: Record<string, unknown> };
      const kept = spec && Object.fromEntries(Object.entries(spec).filter(([key]) => !droppedSpecFields.includes(key)));
      const stored = { ...object, apiVersion: newer.kind().apiVersion, ...(kept ? { spec: kept } : {}) };
      newer.toStorage?.(stored as unknown as S);
      return stored as unknown as S;
    },
    fromStorage(stored: Shared<S>) {
      const object = mutableCopy(stored) as unknown as S;
      newer.fromStorage?.(object);
      object.apiVersion = apiVersion;
      return object as unknown as T;
    },
    get warning() {
      const { apiVersion: replacement, kind } = newer.kind();
      return deprecationWarning({ apiVersion, kind, deprecatedIn, removedIn, replacement });
    },
  };
}

/** The text of upstream's deprecation warnings. */
export function deprecationWarning(options: {
  apiVersion: string;
  kind: string;
  deprecatedIn: string;
  removedIn: string;
  replacement: string;
}): string {
  const { apiVersion, kind, deprecatedIn, removedIn, replacement } = options;
  return `${apiVersion} ${kind} is deprecated in v${deprecatedIn}+, unavailable in v${removedIn}+; use ${replacement} ${kind}`;
}
