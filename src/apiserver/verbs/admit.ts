/** Hands a write to the admission chain. */
import type { AnyKind, KubeObject, Shared } from '../../api/kind.ts';
import type { AdmissionOperation, AdmissionRequest } from '../admission/admission.ts';
import type { ApiContext } from '../context.ts';
import type { UserInfo } from '../user.ts';
import type { Call } from './call.ts';

/** The attributes of one write, for all plugins. */
export class Admission implements AdmissionRequest {
  readonly operation: AdmissionOperation;
  readonly kind: AnyKind;
  readonly resource: { readonly group: string; readonly version: string; readonly plural: string };
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  object: KubeObject | undefined;
  readonly oldObject: Shared<KubeObject> | undefined;
  readonly options: unknown;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly #call: Call;
  #undo: (() => void)[] | undefined;

  constructor(
    call: Call,
    write: {
      operation: AdmissionOperation;
      kind?: AnyKind;
      object?: KubeObject | undefined;
      oldObject?: Shared<KubeObject> | undefined;
      options?: unknown;
      dryRun: boolean;
      name?: string;
    },
  ) {
    this.#call = call;
    this.operation = write.operation;
    this.kind = write.kind ?? call.resource.hub;
    this.resource = call.resource.hub;
    this.subresource = call.subresource;
    this.namespace = call.namespace;
    this.name = write.name ?? call.name;
    this.object = write.object;
    this.oldObject = write.oldObject;
    this.options = write.options;
    this.user = call.user;
    this.dryRun = write.dryRun;
  }

  warn(message: string): void {
    this.#call.warnings.push(message);
  }

  annotate(key: string, value: string): void {
    this.#call.annotate(key, value);
  }

  onFailure(undo: () => void): void {
    this.#undo ??= [];
    this.#undo.push(undo);
  }

  /** Gives back what plugins reserved for a write that did not happen. */
  failed(): void {
    for (const undo of this.#undo ?? []) undo();
    this.#undo = undefined;
  }
}

/** Runs the mutating half; resolves with nothing to do when there is no chain yet. */
export function mutate(api: ApiContext, admission: Admission): void | Promise<void> {
  return api.admission?.mutate(admission);
}

export function validate(api: ApiContext, admission: Admission): void | Promise<void> {
  return api.admission?.validate(admission);
}

/** Both halves, for requests without an object to store: deletes and connects. */
export async function admit(api: ApiContext, admission: Admission): Promise<void> {
  try {
    await mutate(api, admission);
    await validate(api, admission);
  } catch (error) {
    admission.failed();
    throw error;
  }
}
