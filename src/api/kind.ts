/** What Timonel knows about a kind: one definition, from which discovery, codecs, OpenAPI, tables and clients are derived. */
import type { DeepReadonly } from '../base/deep.ts';
import type { FieldError } from './machinery/field-error.ts';
import type { SchemaFacts } from './schema/facts.ts';
import { addFacts, type StructSchema, structSchema } from './schema/schema.ts';
import type { ObjectMeta } from './types/meta-v1.ts';

/** The shape that every persisted object has. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta & { name: string; uid: string; resourceVersion: string; creationTimestamp: string };
}

/** A read-only object as caches, informers and lists hand it out. */
export type Shared<T> = DeepReadonly<T>;

/** What clients need to know to address the objects of a kind. Custom resources have one too, without a definition file. */
export interface KindRef<T extends KubeObject = KubeObject> {
  /** API group, '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The resource name in URLs. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Carries the object's type; never set. */
  readonly object?: T;
}

/** Facts of the request that defaulting and validation may depend on. */
export interface KindContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The name of the user that makes the request. */
  readonly userName?: string;
  /** The rest of what is known of that user; certificate signing requests record it. */
  readonly userUid?: string;
  readonly userGroups?: readonly string[];
  readonly userExtra?: Readonly<Record<string, readonly string[]>>;
  /** Adds a Warning header to the answer. */
  warn?(text: string): void;
}

/** A column of `kubectl get`. */
export interface Column<T> {
  readonly name: string;
  /** OpenAPI type of the cells. */
  readonly type: 'string' | 'integer' | 'boolean' | 'number' | 'date';
  /** `name` for the column that names the object. */
  readonly format?: 'name' | 'date';
  readonly description?: string;
  /** 0 is always shown; above 0 only with `-o wide`. */
  readonly priority?: number;
  cell(object: Shared<T>, now: number): string | number | boolean | null;
}

/** JSON paths of the scale subresource, with a leading dot as CRDs write them. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/**
 * How another version of a stored kind is served: accepted and returned in its own form. A write sets this version's
 * defaults, converts, and goes on as a write of the stored kind: with that kind's defaults, preparation and validation.
 */
export interface Conversion<T extends KubeObject, S extends KubeObject> {
  readonly kind: () => Kind<S>;
  toStorage(object: T): S;
  fromStorage(object: Shared<S>): T;
  /** Instead of the stored kind's own validation, for a version that is stricter than others of the same objects. */
  validate?(object: Shared<S>, old: Shared<S> | undefined): FieldError[];
  /** Text of the Warning header of each request; empty for a version that is not deprecated. */
  readonly warning: string;
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export const allVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/**
 * The definition of a kind. The hooks get objects in canonical form (decoded by the schema: every struct that is not a
 * pointer is there, every list that JSON always has is a list) and own the object they may change. Hooks never read a
 * clock or another object: what needs those is admission.
 */
export interface KindDefinition<T extends KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  /** Where the schema is, when not at the group's own name: `core/v1.Pod`. */
  readonly schema: string;
  /** The types of its group-version, when this kind is alone in it; others share a file under schema/facts/. */
  readonly facts?: SchemaFacts;
  /** All of them by default; kinds that are only created (reviews) name just `create`. */
  readonly verbs?: readonly Verb[];
  readonly subresources?: {
    readonly status?: boolean;
    readonly scale?: ScalePaths;
    /** Others by name, with what discovery says of them; their behaviour is in the API server. */
    readonly [name: string]: boolean | ScalePaths | SubresourceInfo | undefined;
  };
  /** Upstream's SetDefaults, on create, update and on reading what an older version stored. */
  defaults?(object: T): void;
  /** Upstream's PrepareForCreate: name and uid are set, status is reset and generation set where the kind has them. */
  prepareCreate?(object: T, context: KindContext): void;
  /** Upstream's PrepareForUpdate: status is already carried over and generation raised when the spec changed. */
  prepareUpdate?(object: T, old: Shared<T>, context: KindContext): void;
  /** The same for the status subresource: spec and most metadata are already carried over from the old object. */
  prepareStatusUpdate?(object: T, old: Shared<T>, context: KindContext): void;
  /**
   * Upstream's Validate…; object metadata is validated for every kind alike, with {@link validateName}. On update `old`
   * is what is stored: what it was allowed to have already may be tolerated (ratcheting).
   */
  validate?(object: Shared<T>, old?: Shared<T>): FieldError[];
  /** What only a create is refused for, before an update would be; {@link validate} has also been run. */
  validateCreate?(object: Shared<T>): FieldError[];
  /** What an update may not change; {@link validate} has also been run on the new object. */
  validateUpdate?(object: Shared<T>, old: Shared<T>): FieldError[];
  validateStatusUpdate?(object: Shared<T>, old: Shared<T>): FieldError[];
  /** What a change through another subresource with the object as its body may not be: resize, approval, …; whole. */
  validateSubresourceUpdate?(subresource: string, object: Shared<T>, old: Shared<T>): FieldError[];
  /** Reasons why a name is not allowed; DNS-1123 subdomain by default. */
  validateName?(name: string, prefix: boolean): string[];
  /** Text of the Warning header of every request, for a kind that is deprecated as a whole. */
  readonly deprecation?: string;
  /** Upstream's warnings on create and update. */
  warnings?(object: Shared<T>, old?: Shared<T>): string[];
  readonly columns?: readonly Column<T>[];
  /** Field selectors beyond metadata.name and metadata.namespace. */
  readonly fieldLabels?: Readonly<Record<string, (object: Shared<T>) => string>>;
  /** Whether `generation` counts changes of the spec; true when the schema has a spec and a status. */
  readonly tracksGeneration?: boolean;
  /** A create may bring a status (nodes register with theirs); it is emptied for other kinds that have the subresource. */
  readonly keepsStatusOnCreate?: boolean;
  /** Seconds of grace a delete without options gives; undefined deletes at once, whatever the options say. */
  gracePeriodSeconds?(object: Shared<T>): number | undefined;
  /** PUT to a name that does not exist creates it. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without a resourceVersion overwrites. */
  readonly allowUnconditionalUpdate?: boolean;
  /** Deleting leaves dependents by default (batch/v1 Jobs and the legacy kinds do). */
  readonly orphanDependentsByDefault?: boolean;
  /** Set on versions that are not the stored one. */
  // biome-ignore lint/suspicious/noExplicitAny: the stored type goes both ways, as in AnyKind.
  readonly storedAs?: Conversion<T, any>;
  /** False for what upstream serves only on request (`--runtime-config`): alpha and beta versions. */
  readonly servedByDefault?: false;
  /** False for kinds that are answered and not kept (reviews, bindings). */
  readonly persisted?: boolean;
}

export interface SubresourceInfo {
  readonly verbs: readonly Verb[];
  /** Group, version and kind of its body when they differ from the resource's. */
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
}

/** A defined kind. */
export interface Kind<T extends KubeObject = KubeObject> extends KindDefinition<T>, KindRef<T> {
  readonly namespaced: boolean;
  readonly apiVersion: string;
  readonly listKind: string;
  readonly singular: string;
  readonly struct: StructSchema;
}

/** A kind whose object type does not matter: what lists of kinds hold. */
// biome-ignore lint/suspicious/noExplicitAny: hooks take T both ways, so only any makes every Kind assignable.
export type AnyKind = Kind<any>;

/**
 * Defines a kind. By convention the constant and the object's type share their name, so that one import gives both:
 *
 *     export type Deployment = apps.Deployment;
 *     export const Deployment = defineKind<Deployment>({ … });
 */
export function defineKind<T extends KubeObject>(definition: KindDefinition<T>): Kind<T> {
  if (definition.facts) addFacts(definition.facts);
  let struct: StructSchema | undefined;
  return {
    ...definition,
    namespaced: definition.scope === 'Namespaced',
    apiVersion: apiVersionOf(definition),
    listKind: `${definition.kind}List`,
    singular: definition.singular ?? definition.kind.toLowerCase(),
    get struct() {
      struct ??= structSchema(definition.schema);
      return struct;
    },
  };
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(kind: { group: string; version: string }): string {
  return kind.group ? `${kind.group}/${kind.version}` : kind.version;
}

/** `deployments.apps`, or `pods` for the core group: how errors and RBAC name a resource. */
export function groupResource(kind: { group: string; plural: string }): string {
  return kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
}
