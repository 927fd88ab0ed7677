/** Admission plugins: what every write passes between authorization and the store. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { MetricsRegistry } from '../../base/metrics.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import type { InformerSet } from '../../client/informer.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { UserInfo } from '../user.ts';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionRequest {
  readonly operation: AdmissionOperation;
  /** The kind of the object (of the body, for subresources such as Eviction or Scale). */
  readonly kind: AnyKind;
  /** The resource of the request; differs from kind for subresources. */
  readonly resource: { readonly group: string; readonly version: string; readonly plural: string };
  readonly subresource: string;
  readonly namespace: string;
  /** Empty on create with generateName. */
  readonly name: string;
  /** The new object, which mutating plugins change in place; undefined on delete. */
  object: KubeObject | undefined;
  /** The stored object on update and delete. */
  readonly oldObject: Shared<KubeObject> | undefined;
  /** CreateOptions, UpdateOptions, DeleteOptions, PodExecOptions … as the client sent them. */
  readonly options: unknown;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** Adds a Warning header to the response. */
  warn(message: string): void;
  /** Adds an annotation to the audit event; keys are `plugin.domain/key`. */
  annotate(key: string, value: string): void;
  /** Undoes what a plugin reserved when the request fails after it (quota). */
  onFailure(undo: () => void): void;
}

/** What plugins are made with. Informers and client work as the API server itself. */
export interface AdmissionEnvironment {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** Kinds by group, version and resource, custom ones included. */
  resolveKind(group: string, version: string, plural: string): AnyKind | undefined;
  /** The same by the kind's own name. */
  kindNamed(group: string, version: string, kind: string): AnyKind | undefined;
  /** The plugin's own configuration, from the admission configuration file. */
  readonly configuration: unknown;
}

export interface RunningAdmission {
  /** Throws StatusError (usually forbidden) to refuse. */
  mutate?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}

export interface AdmissionPlugin {
  /** Upstream's name, as --enable-admission-plugins has it. */
  readonly name: string;
  /** Position in the chain: upstream's recommended order, lower first. */
  readonly order: number;
  readonly enabledByDefault: boolean;
  /** Cheap test before the plugin is called at all. */
  handles(request: AdmissionRequest): boolean;
  create(environment: AdmissionEnvironment): RunningAdmission;
}

/** Defines an admission plugin; the generated list of them is what the server runs, in order. */
export function defineAdmissionPlugin(plugin: AdmissionPlugin): AdmissionPlugin {
  return plugin;
}
