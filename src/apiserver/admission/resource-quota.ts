import type { Pod } from '../../api/core/pod.ts';
import { isCountedBy, matchesScope, missingCompute, quotaUsage } from '../../api/core/quota-usage.ts';
import type { ResourceList } from '../../api/core/resource-list.ts';
import { ResourceQuota } from '../../api/core/resource-quota.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { internalError, isConflict, isNotFound } from '../../api/machinery/status.ts';
import type { ScopedResourceSelectorRequirement } from '../../api/types/core-v1.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

/** resourcequota.admission.k8s.io/v1 Configuration: what may only be used where a quota allows it. */
interface LimitedResource {
  readonly apiGroup?: string;
  readonly resource: string;
  readonly matchContains?: readonly string[];
  readonly matchScopes?: readonly ScopedResourceSelectorRequirement[];
}

/** How often a quota's status is tried to be written before the request fails. */
const maxAttempts = 20;

/**
 * Keeps each namespace within its resource quotas. Requests of a namespace are decided one batch after the other and each
 * batch is written to the quotas' status before its requests go on, so that no two can use the same rest; several servers
 * are kept apart by the status' resource version.
 */
export const resourceQuota = defineAdmissionPlugin({
  name: 'ResourceQuota',
  order: 320,
  enabledByDefault: true,
  handles(request) {
    if (!request.namespace || !request.object) return false;
    if (request.operation === 'CREATE') return request.subresource === '';
    return (
      request.operation === 'UPDATE' &&
      (isCore(request, 'services') || isCore(request, 'persistentvolumeclaims') || isCore(request, 'pods', 'resize'))
    );
  },
  create(environment) {
    const quotas = environment.informers.informer(ResourceQuota);
    const { limitedResources = [] } = (environment.configuration ?? {}) as { limitedResources?: LimitedResource[] };
    const accountant = new QuotaAccountant(environment, (namespace) => quotas.list(namespace));
    return {
      validate(request) {
        if (quotas.list(request.namespace).length === 0 && limitedResources.length === 0) return;
        return accountant.charge(request, limitedResources);
      },
    };
  },
});

interface Charge {
  readonly request: AdmissionRequest;
  readonly usage: ResourceList;
  readonly limited: readonly LimitedResource[];
  resolve(): void;
  reject(error: unknown): void;
}

/** A quota as a batch sees it, with what the batch has already taken. */
interface Account {
  readonly quota: Shared<ResourceQuota>;
  readonly used: Map<string, Quantity>;
  changed: boolean;
}

class QuotaAccountant {
  readonly #environment: AdmissionEnvironment;
  readonly #quotasOf: (namespace: string) => readonly Shared<ResourceQuota>[];
  readonly #waiting = new Map<string, Charge[]>();

  constructor(environment: AdmissionEnvironment, quotasOf: (namespace: string) => readonly Shared<ResourceQuota>[]) {
    this.#environment = environment;
    this.#quotasOf = quotasOf;
  }

  /** Resolves when the request's usage has been taken; rejects with Forbidden when a quota has no room. */
  charge(request: AdmissionRequest, limited: readonly LimitedResource[]): Promise<void> | undefined {
    const usage = usageDelta(request);
    if (Object.keys(usage).length === 0) return undefined;
    return new Promise<void>((resolve, reject) => {
      const waiting = this.#waiting.get(request.namespace);
      const charge: Charge = { request, usage, limited, resolve, reject };
      if (waiting) {
        waiting.push(charge);
        return;
      }
      this.#waiting.set(request.namespace, [charge]);
      void this.#work(request.namespace);
    });
  }

  async #work(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? [];
      if (batch.length === 0) {
        this.#waiting.delete(namespace);
        return;
      }
      this.#waiting.set(namespace, []);
      await this.#settle(namespace, batch).catch((error: unknown) => {
        for (const charge of batch) charge.reject(error);
      });
    }
  }

  async #settle(namespace: string, batch: readonly Charge[]): Promise<void> {
    const { client } = this.#environment;
    let quotas = this.#quotasOf(namespace);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const accounts = quotas.map(openAccount);
      const accepted: Charge[] = [];
      const refused: [Charge, unknown][] = [];
      for (const charge of batch) {
        try {
          take(charge, accounts);
          accepted.push(charge);
        } catch (error) {
          refused.push([charge, error]);
        }
      }
      const written = await this.#write(accounts.filter((account) => account.changed));
      if (written) {
        for (const [charge, error] of refused) charge.reject(error);
        for (const charge of accepted) {
          const { request, usage } = charge;
          if (!request.dryRun) request.onFailure(() => void this.#giveBack(namespace, request, usage));
          charge.resolve();
        }
        return;
      }
      quotas = (await client.list(ResourceQuota, { namespace })).items;
    }
    throw internalError(`the resource quotas of namespace ${namespace} change too quickly to be kept: try again`);
  }

  /** False when a quota was changed by somebody else: then all is decided again, and what was written is taken back. */
  async #write(accounts: readonly Account[]): Promise<boolean> {
    const { client } = this.#environment;
    const done: Account[] = [];
    for (const account of accounts) {
      try {
        await client.updateStatus(ResourceQuota, withUsed(account.quota, account.used));
        done.push(account);
      } catch (error) {
        if (isNotFound(error)) continue;
        if (!isConflict(error)) throw error;
        for (const earlier of done) await this.#revert(earlier);
        return false;
      }
    }
    return true;
  }

  async #revert({ quota, used }: Account): Promise<void> {
    const difference: Record<string, string> = {};
    for (const [name, value] of used) {
      const before = Quantity.parse(quota.status.used?.[name] ?? '0');
      difference[name] = value.sub(before).toString();
    }
    await this.#subtract(quota.metadata.namespace ?? '', quota.metadata.name, difference);
  }

  /** A request failed after its usage was taken. */
  async #giveBack(namespace: string, request: AdmissionRequest, usage: ResourceList): Promise<void> {
    for (const quota of this.#quotasOf(namespace)) {
      if (!isCountedBy(quota, request.resource, request.object ?? (request.oldObject as Shared<KubeObject>))) continue;
      const shared = Object.keys(usage).filter((name) => quota.status.hard?.[name] !== undefined);
      const back = Object.fromEntries(shared.map((name) => [name, usage[name]!]));
      await this.#subtract(namespace, quota.metadata.name, back).catch((error: unknown) =>
        this.#environment.log.warn('a quota keeps usage of a request that failed until it is counted again', {
          namespace,
          quota: quota.metadata.name,
          error,
        }),
      );
    }
  }

  async #subtract(namespace: string, name: string, usage: ResourceList): Promise<void> {
    const { client } = this.#environment;
    if (Object.keys(usage).length === 0) return;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const quota = await client.find(ResourceQuota, { namespace, name });
      if (!quota) return;
      const used = new Map<string, Quantity>();
      for (const [resource, value] of Object.entries(usage)) {
        const rest = Quantity.parse(quota.status.used?.[resource] ?? '0').sub(Quantity.parse(value));
        used.set(resource, rest.sign() < 0 ? Quantity.zero : rest);
      }
      try {
        await client.updateStatus(ResourceQuota, withUsed(quota, used));
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  }
}

const openAccount = (quota: Shared<ResourceQuota>): Account => ({ quota, used: new Map(), changed: false });

function withUsed(quota: Shared<ResourceQuota>, used: ReadonlyMap<string, Quantity>): Shared<ResourceQuota> {
  const texts = Object.fromEntries([...used].map(([name, value]) => [name, value.toString()]));
  return { ...quota, status: { ...quota.status, used: { ...quota.status.used, ...texts } } };
}

/** What a request adds to what is used; only growth counts. */
function usageDelta({ resource, object, oldObject, operation }: AdmissionRequest): ResourceList {
  const usage = quotaUsage(resource, object as Shared<KubeObject>);
  const before = operation === 'UPDATE' && oldObject ? quotaUsage(resource, oldObject) : {};
  const delta: Record<string, string> = {};
  for (const [name, value] of Object.entries(usage)) {
    const more = Quantity.parse(value).sub(Quantity.parse(before[name] ?? '0'));
    if (more.sign() > 0) delta[name] = more.toString();
  }
  return delta;
}

/** Takes a charge from every quota that counts it, or throws and takes nothing. */
function take({ request, usage, limited }: Charge, accounts: readonly Account[]): void {
  const object = request.object as Shared<KubeObject>;
  const counting = accounts.filter(({ quota }) => isCountedBy(quota, request.resource, object));
  const isPodCreate = request.operation === 'CREATE' && isCore(request, 'pods');
  const taken: [Account, string, Quantity][] = [];
  const covered = new Set<string>();
  for (const account of counting) {
    const { quota, used } = account;
    const limitedNames = Object.keys(quota.spec.hard ?? {});
    if (isPodCreate) {
      const missing = missingCompute(limitedNames, object as Shared<Pod>);
      if (missing) throw refusal(request, `failed quota: ${quota.metadata.name}: ${missing}`);
    }
    const names = limitedNames.filter((name) => usage[name] !== undefined).sort();
    const unknown = names.filter(
      (name) => quota.status.hard?.[name] === undefined || quota.status.used?.[name] === undefined,
    );
    if (unknown.length) {
      throw refusal(request, `status unknown for quota: ${quota.metadata.name}, resources: ${unknown.join(',')}`);
    }
    const now = (name: string) => used.get(name) ?? Quantity.parse(quota.status.used![name]!);
    const sums = new Map(names.map((name) => [name, now(name).add(Quantity.parse(usage[name]!))]));
    const exceeded = names.filter((name) => sums.get(name)!.cmp(Quantity.parse(quota.status.hard![name]!)) > 0);
    if (exceeded.length) {
      const list = (value: (name: string) => string) => exceeded.map((name) => `${name}=${value(name)}`).join(',');
      throw refusal(
        request,
        `exceeded quota: ${quota.metadata.name}, requested: ${list((n) => usage[n]!)}, used: ${list((n) => now(n).toString())}, limited: ${list((n) => quota.status.hard![n]!)}`,
      );
    }
    for (const [name, sum] of sums) {
      covered.add(name);
      taken.push([account, name, sum]);
    }
  }
  assertCovered(request, limited, { usage, covered });
  if (request.dryRun) return;
  for (const [account, name, sum] of taken) {
    account.used.set(name, sum);
    account.changed = true;
  }
}

function assertCovered(
  request: AdmissionRequest,
  limited: readonly LimitedResource[],
  { usage, covered }: { usage: ResourceList; covered: ReadonlySet<string> },
): void {
  for (const one of limited) {
    if (one.resource !== request.resource.plural || (one.apiGroup ?? '') !== request.resource.group) continue;
    const names = Object.keys(usage).filter((name) => (one.matchContains ?? []).some((part) => name.includes(part)));
    const open = names.filter((name) => !covered.has(name)).sort();
    if (open.length) throw refusal(request, `insufficient quota to consume: ${open.join(',')}`);
    const scope = (one.matchScopes ?? []).find((requirement) =>
      matchesScope(request.resource, request.object as Shared<KubeObject>, requirement),
    );
    if (scope && covered.size === 0) {
      throw refusal(
        request,
        `insufficient quota to match these scopes: [{${scope.scopeName} ${scope.operator} [${(scope.values ?? []).join(' ')}]}]`,
      );
    }
  }
}
