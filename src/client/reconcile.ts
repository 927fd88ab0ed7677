/** How a controller is written: what it watches, the RBAC it needs, and one level-triggered step. */
import type { AnyKind, KindRef, KubeObject, Shared } from '../api/kind.ts';
import type { PolicyRule } from '../api/types/rbac-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import type { EventRecorder } from './events.ts';
import type { InformerSet, Lister } from './informer.ts';

/** `namespace/name`, or `name` for cluster-scoped kinds. */
export type ObjectKey = string;

/** What every controller gets. */
export interface ControllerContext {
  readonly client: Client;
  readonly informers: InformerSet;
  /** The lister of a watched kind. */
  lister<T extends KubeObject>(kind: KindRef<T>): Lister<T>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** Settings of the cluster that controllers need (CIDRs, time-outs), by upstream's flag names in camelCase. */
  readonly settings: ControllerSettings;
  /** Puts a key into this controller's own queue, at once or after a time. */
  enqueue(key: ObjectKey, afterMs?: number): void;
  /** Aborted when the controller must stop. */
  readonly signal: AbortSignal;
}

export interface ControllerSettings {
  readonly clusterName: string;
  readonly podCidr?: string;
  readonly serviceCidr?: string;
  /** PEM of the cluster CA, published to every namespace. */
  readonly rootCa?: string;
  /** PEM key and certificate for signing CSRs. */
  readonly signer?: { readonly certificate: string; readonly key: string };
  /** PEM private key that signs legacy service-account tokens. */
  readonly serviceAccountKey?: string;
  readonly nodeMonitorGraceSeconds?: number;
  readonly [setting: string]: unknown;
}

/** The expected outcomes of a step. Throwing means: try again with backoff. */
export type ReconcileResult =
  | undefined
  | {
      /** Look again after this long, whatever happens. */
      readonly requeueAfterMs?: number;
      /** Look again no sooner than this: events meanwhile are answered by one step. For keys whose steps cost much. */
      readonly coalesceMs?: number;
    };

export interface WatchSource<T extends KubeObject = KubeObject> {
  readonly kind: KindRef<T>;
  /** The keys to reconcile when an object of this kind appears, changes or goes. */
  keys(object: Shared<T>, context: ControllerContext, old: Shared<T> | undefined): Iterable<ObjectKey>;
  /** Drops updates that the controller does not care about. */
  changed?(object: Shared<T>, old: Shared<T>): boolean;
}

export interface ControllerDefinition<T extends KubeObject = KubeObject> {
  /** Upstream's name, as `--controllers` and its service account have it: `replicaset-controller`. */
  readonly name: string;
  /** The kind whose keys it reconciles. */
  readonly for?: KindRef<T>;
  /** Kinds whose objects are controlled (ownerReference with controller: true) by `for`. */
  readonly owns?: readonly KindRef[];
  readonly watches?: readonly WatchSource[];
  /** Kinds it reads through listers without being woken by them. */
  readonly reads?: readonly KindRef[];
  /** It runs, and has its role, only where this kind is served. */
  readonly requires?: KindRef;
  /** RBAC rules of the role system:controller:NAME. */
  readonly rbac: readonly PolicyRule[];
  /** Keys reconciled at the same time; 5 by default, as upstream's --concurrent-*-syncs. */
  readonly concurrency?: number;
  /** Called once before the first step; what it returns is called on stop. */
  start?(context: ControllerContext): Promise<(() => void) | undefined> | (() => void) | undefined;
  reconcile?(key: ObjectKey, context: ControllerContext): Promise<ReconcileResult>;
}

/** A watch source with its object type checked, erased for the list it goes into. */
export function watches<T extends KubeObject>(source: WatchSource<T>): WatchSource {
  return source as unknown as WatchSource;
}

/** Defines a controller; the generated list of them is what the controller runner starts. */
export function defineController<T extends KubeObject>(definition: ControllerDefinition<T>): ControllerDefinition {
  return definition as unknown as ControllerDefinition;
}

/** A failure that retrying cannot mend: logged, recorded, not retried until the object changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** The key of an object. */
export function keyOf(object: { metadata: { namespace?: string | undefined; name: string } }): ObjectKey {
  return object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : object.metadata.name;
}

/** The namespace and name of a key. */
export function splitKey(key: ObjectKey): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export type { AnyKind };
