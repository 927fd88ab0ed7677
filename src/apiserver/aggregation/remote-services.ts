/** API aggregation: groups and versions that other servers answer for, with their availability. */
import { APIService } from '../../api/apiregistration/api-service.ts';
import type { Service } from '../../api/core/service.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import { formatTime, type Timer } from '../../base/clock.ts';
import type { ApiContext } from '../context.ts';
import type { RemoteGroups } from '../discovery/discovery.ts';
import type { RemoteDocuments } from '../discovery/openapi.ts';
import { follow } from '../registry/follow.ts';
import { keyFor, type StoredResource } from '../registry/resource.ts';
import type { RelayTarget } from '../streaming/relay.ts';
import { requestJson } from './json-request.ts';
import { discoveryOf, type RemoteResources } from './remote-discovery.ts';
import { fetchOpenApi, type RemoteOpenApi } from './remote-openapi.ts';

type RemoteService = Shared<APIService>;

const checkEveryMs = 30_000;
const checkTimeoutMs = 5_000;

export interface FrontProxyTls {
  readonly cert: string;
  readonly key: string;
}

export interface RemoteApis extends RemoteGroups, RemoteDocuments {
  /** Where requests for a group and version go; undefined for what this server answers itself. */
  find(group: string, version: string): RemoteService | undefined;
  /** Throws when the service has no address. */
  target(service: RemoteService): Pick<RelayTarget, 'origin' | 'tls'>;
  isAvailable(service: RemoteService): boolean;
  stop(): void;
}

/** Follows APIServices, asks their servers whether they are there, and keeps their status and discovery. */
export function startRemoteApis(api: ApiContext, tls: FrontProxyTls | undefined): RemoteApis {
  return new AggregatedApis(api, tls);
}

class AggregatedApis implements RemoteApis {
  readonly #api: ApiContext;
  readonly #tls: FrontProxyTls | undefined;
  readonly #stored: StoredResource;
  readonly #remote = new Map<string, RemoteService>();
  readonly #resources = new Map<string, RemoteResources>();
  readonly #openApi = new Map<string, RemoteOpenApi>();
  readonly #timers = new Map<string, Timer>();
  readonly #subscription: { close(): void } | undefined;
  #stopped = false;
  generation = 0;
  openApiGeneration = 0;

  constructor(api: ApiContext, tls: FrontProxyTls | undefined) {
    this.#api = api;
    this.#tls = tls;
    this.#stored = api.registry.storage(APIService.group, APIService.plural)!;
    const { cache, prefix } = this.#stored;
    const read = () => [...cache.snapshot().range(prefix)].map((entry) => entry.object as unknown as RemoteService);
    for (const service of read()) this.#follow(service);
    this.#subscription = follow(this.#stored, {
      onEvents: (events) => {
        for (const event of events) {
          const service = event.entry.object as unknown as RemoteService;
          if (event.type === 'DELETED') this.#forget(service.metadata.name);
          else this.#follow(service);
        }
      },
      onGap: () => {
        const services = read();
        const names = new Set(services.map((service) => service.metadata.name));
        for (const { metadata } of [...this.#remote.values()])
          if (!names.has(metadata.name)) this.#forget(metadata.name);
        for (const service of services) this.#follow(service);
      },
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#subscription?.close();
    for (const timer of this.#timers.values()) timer.cancel();
  }

  find(group: string, version: string): RemoteService | undefined {
    return this.#remote.size === 0 ? undefined : this.#remote.get(`${group}/${version}`);
  }

  isAvailable(service: RemoteService): boolean {
    return service.status.conditions?.some((c) => c.type === 'Available' && c.status === 'True') ?? false;
  }

  target(service: RemoteService): Pick<RelayTarget, 'origin' | 'tls'> {
    const { namespace = '', name = '', port = 443 } = service.spec.service ?? {};
    const stored = this.#api.registry.storage('', 'services')!;
    const found = stored.cache.get(keyFor(stored, namespace, name))?.object as unknown as Shared<Service> | undefined;
    const where = `service/${name} in ${JSON.stringify(namespace)}`;
    if (!found) throw new Error(`${where} is not present`);
    const host = found.spec.type === 'ExternalName' ? found.spec.externalName : found.spec.clusterIP;
    if (!host || host === 'None') throw new Error(`${where} has no cluster IP`);
    const { caBundle, insecureSkipTLSVerify } = service.spec;
    return {
      origin: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      tls: {
        serverName: `${name}.${namespace}.svc`,
        ...(insecureSkipTLSVerify ? { insecure: true } : {}),
        ...(caBundle ? { ca: Buffer.from(caBundle, 'base64').toString('utf8') } : {}),
        ...(this.#tls ? { cert: this.#tls.cert, key: this.#tls.key } : {}),
      },
    };
  }

  groups(): { name: string; group: object; discovery: object }[] {
    const byGroup = new Map<string, { version: string; resources: RemoteResources | undefined }[]>();
    for (const service of this.#remote.values()) {
      const { group = '', version = '' } = service.spec;
      const versions = byGroup.get(group) ?? [];
      byGroup.set(group, versions);
      versions.push({ version, resources: this.#resources.get(service.metadata.name) });
    }
    return [...byGroup].map(([name, versions]) => discoveryOf(name, versions));
  }

  documents(): RemoteOpenApi[] {
    return [...this.#openApi.values()];
  }

  #follow(service: RemoteService): void {
    const { name } = service.metadata;
    const id = `${service.spec.group}/${service.spec.version}`;
    if (!service.spec.service) {
      this.#forget(name);
      return;
    }
    const known = this.#remote.get(id);
    this.#remote.set(id, service);
    if (known && known.metadata.generation === service.metadata.generation && this.#timers.has(name)) return;
    this.generation++;
    void this.#check(name, id);
  }

  #forget(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
    this.#resources.delete(name);
    if (this.#openApi.delete(name)) this.openApiGeneration++;
    for (const [id, service] of this.#remote) {
      if (service.metadata.name !== name) continue;
      this.#remote.delete(id);
      this.generation++;
    }
  }

  async #check(name: string, id: string): Promise<void> {
    this.#timers.get(name)?.cancel();
    if (this.#stopped) return;
    this.#timers.set(
      name,
      this.#api.clock.after(checkEveryMs, () => void this.#check(name, id)),
    );
    const service = this.#remote.get(id);
    if (!service) return;
    const condition = await this.#probe(service);
    if (this.#stopped || this.#remote.get(id)?.metadata.uid !== service.metadata.uid) return;
    await this.#report(service, condition);
    // Servers that are just starting are asked again soon.
    if (condition.status !== 'True') {
      this.#timers.get(name)?.cancel();
      this.#timers.set(
        name,
        this.#api.clock.after(2000, () => void this.#check(name, id)),
      );
    }
  }

  async #probe(service: RemoteService): Promise<{ status: 'True' | 'False'; reason: string; message: string }> {
    const { group, version } = service.spec;
    let target: Pick<RelayTarget, 'origin' | 'tls'>;
    try {
      target = this.target(service);
    } catch (error) {
      return { status: 'False', reason: 'ServiceNotFound', message: (error as Error).message };
    }
    try {
      const list = await this.#fetch(target, `/apis/${group}/${version}`);
      this.#resources.set(service.metadata.name, list as RemoteResources);
      this.generation++;
      await this.#readOpenApi(service, target);
      return { status: 'True', reason: 'Passed', message: 'all checks passed' };
    } catch (error) {
      const message = `failing or missing response from ${target.origin}/apis/${group}/${version}: ${(error as Error).message}`;
      return { status: 'False', reason: 'FailedDiscoveryCheck', message };
    }
  }

  /** Servers without OpenAPI are served as well as others; they are just not explained. */
  async #readOpenApi(service: RemoteService, target: Pick<RelayTarget, 'origin' | 'tls'>): Promise<void> {
    const { name } = service.metadata;
    const { group, version } = service.spec;
    const known = this.#openApi.get(name);
    const read = (path: string) => this.#fetch(target, path).catch(() => undefined);
    const found = await fetchOpenApi({ path: `apis/${group}/${version}`, known, read });
    if (found === known || this.#stopped || !this.#remote.has(`${group}/${version}`)) return;
    if (found) this.#openApi.set(name, found);
    else this.#openApi.delete(name);
    this.openApiGeneration++;
  }

  async #fetch(target: Pick<RelayTarget, 'origin' | 'tls'>, path: string): Promise<unknown> {
    const headers = { 'X-Remote-User': 'system:kube-aggregator', 'X-Remote-Group': 'system:masters' };
    const { status, json } = await requestJson(target, { path, headers, timeoutMs: checkTimeoutMs });
    if (status !== 200) throw new Error(`bad status ${status}`);
    return json;
  }

  async #report(
    service: RemoteService,
    found: { status: 'True' | 'False'; reason: string; message: string },
  ): Promise<void> {
    const conditions = service.status.conditions ?? [];
    const now = conditions.find((condition) => condition.type === 'Available');
    if (now?.status === found.status && now.reason === found.reason && now.message === found.message) return;
    const lastTransitionTime =
      now?.status === found.status && now.lastTransitionTime
        ? now.lastTransitionTime
        : formatTime(this.#api.clock.now());
    const condition = { type: 'Available', lastTransitionTime, ...found };
    const status = { conditions: [...conditions.filter((each) => each !== now), condition] };
    try {
      await this.#api
        .loopback()
        .patch(APIService, { name: service.metadata.name }, { status }, { type: 'merge', subresource: 'status' });
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error))
        this.#api.log.warn('the status of an APIService could not be written', { name: service.metadata.name, error });
    }
  }
}
