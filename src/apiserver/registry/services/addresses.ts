/** Cluster IPs: each is an IPAddress object, written in the same commit as its service (KEP-1880). */
import type { KubeObject, Shared } from '../../../api/kind.ts';
import type { ServiceCIDR } from '../../../api/networking/service-cidr.ts';
import { formatTime } from '../../../base/clock.ts';
import type { ObjectWrite } from '../../../store/cache-api.ts';
import type { ApiContext } from '../../context.ts';
import { keyFor, type StoredResource } from '../resource.ts';
import { type AddressRange, contains, familyOf, type IpFamily, parseRange, pickAddress } from './address-range.ts';

export class AddressAllocator {
  readonly #api: ApiContext;
  readonly #addresses: StoredResource;
  readonly #cidrs: StoredResource;
  readonly #configured: readonly AddressRange[];
  #parsed: { revision: number; ranges: readonly AddressRange[] } | undefined;

  constructor(api: ApiContext, configured: readonly AddressRange[]) {
    this.#api = api;
    this.#configured = configured;
    this.#addresses = api.registry.storage('networking.k8s.io', 'ipaddresses')!;
    this.#cidrs = api.registry.storage('networking.k8s.io', 'servicecidrs')!;
  }

  /** The families of the cluster, the primary one first. */
  get families(): readonly IpFamily[] {
    return this.#configured.map((range) => range.family);
  }

  /** The server's own ranges and those of ServiceCIDR objects that are not being deleted. */
  #ranges(): readonly AddressRange[] {
    const snapshot = this.#cidrs.cache.snapshot();
    if (this.#parsed?.revision === snapshot.revision) return this.#parsed.ranges;
    const ranges = [...this.#configured];
    for (const entry of snapshot.range(this.#cidrs.prefix)) {
      const object = entry.object as unknown as Shared<ServiceCIDR>;
      if (object.metadata.deletionTimestamp) continue;
      for (const cidr of object.spec.cidrs ?? []) {
        if (ranges.some((range) => range.cidr === cidr)) continue;
        try {
          ranges.push(parseRange(cidr));
        } catch {
          // Validation refuses ranges that cannot be parsed; one from elsewhere gives no addresses.
        }
      }
    }
    this.#parsed = { revision: snapshot.revision, ranges };
    return ranges;
  }

  inRange(ip: string): boolean {
    return this.#ranges().some((range) => contains(range, ip));
  }

  rangesText(): string {
    return this.#ranges()
      .map((range) => range.cidr)
      .join(',');
  }

  /** `namespace/name` of the service that holds an address. */
  holder(ip: string): string | undefined {
    const entry = this.#addresses.cache.get(keyFor(this.#addresses, '', ip));
    if (!entry) return undefined;
    const { spec } = entry.object as unknown as { spec: { parentRef?: { namespace?: string; name?: string } } };
    return `${spec.parentRef?.namespace ?? ''}/${spec.parentRef?.name ?? ''}`;
  }

  pick(family: IpFamily, chosen: ReadonlySet<string>): string | undefined {
    const taken = (ip: string) =>
      chosen.has(ip) || this.#addresses.cache.get(keyFor(this.#addresses, '', ip)) !== undefined;
    for (const range of this.#ranges()) {
      if (range.family !== family) continue;
      const ip = pickAddress(range, taken, this.#api.random);
      if (ip) return ip;
    }
    return undefined;
  }

  /** Writes an address that is free, or held under the service's name by one that was before it. */
  take(ip: string, service: Shared<KubeObject>): ObjectWrite<Shared<KubeObject>> {
    const { namespace, name } = service.metadata;
    const object = {
      kind: 'IPAddress',
      apiVersion: 'networking.k8s.io/v1',
      metadata: {
        name: ip,
        uid: this.#api.random.uuid(),
        generation: 1,
        creationTimestamp: formatTime(this.#api.clock.now()),
        labels: {
          'ipaddress.kubernetes.io/ip-family': familyOf(ip),
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { resource: 'services', ...(namespace ? { namespace } : {}), name } },
    } as unknown as Shared<KubeObject>;
    const key = keyFor(this.#addresses, '', ip);
    const known = this.#addresses.cache.get(key);
    return { resource: this.#addresses.cache, key, object, expectedRevision: known?.revision ?? 0 };
  }

  release(ip: string): ObjectWrite<Shared<KubeObject>> | undefined {
    const key = keyFor(this.#addresses, '', ip);
    const entry = this.#addresses.cache.get(key);
    if (!entry) return undefined;
    return { resource: this.#addresses.cache, key, object: null, expectedRevision: entry.revision };
  }

  /** Addresses that were given out by this allocator, with the service that each is for. */
  *held(): Generator<{ ip: string; holder: string }> {
    for (const entry of this.#addresses.cache.snapshot().range(this.#addresses.prefix)) {
      const { labels, name } = entry.object.metadata;
      if (labels?.['ipaddress.kubernetes.io/managed-by'] === 'ipallocator.k8s.io')
        yield { ip: name, holder: this.holder(name)! };
    }
  }
}
