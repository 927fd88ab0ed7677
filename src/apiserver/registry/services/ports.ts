/** Node ports: one key each in the store, so that a port is taken in the same commit as its service is written. */
import type { KubeObject, Shared } from '../../../api/kind.ts';
import type { Random } from '../../../base/random.ts';
import type { ObjectCache, ObjectWrite, ResourceCache } from '../../../store/cache-api.ts';
import { createJsonCodec } from '../../../store/json-codec.ts';

type Holder = Shared<KubeObject>;

const prefix = '/registry/ranges/nodeports/';

export class PortAllocator {
  readonly first: number;
  readonly last: number;
  readonly #cache: ResourceCache<Holder>;

  private constructor(cache: ResourceCache<Holder>, first: number, last: number) {
    this.#cache = cache;
    this.first = first;
    this.last = last;
  }

  /** @param range `30000-32767` */
  static async open(cache: ObjectCache, range: string): Promise<PortAllocator> {
    const [first = 0, last = 0] = range.split('-').map(Number);
    if (!(first > 0 && last >= first && last < 65536))
      throw new RangeError(`the node port range ${range} must be like 30000-32767`);
    return new PortAllocator(await cache.resource(prefix, createJsonCodec<Holder>()), first, last);
  }

  /** `namespace/name` of the service that holds a port. */
  holder(port: number): string | undefined {
    const entry = this.#cache.get(prefix + port);
    if (!entry) return undefined;
    const { namespace, name } = entry.object.metadata;
    return `${namespace}/${name}`;
  }

  inRange(port: number): boolean {
    return port >= this.first && port <= this.last;
  }

  /** A free port that is not among `chosen`; undefined when all are taken. */
  pick(chosen: ReadonlySet<number>, random: Random): number | undefined {
    const size = this.last - this.first + 1;
    const reserved = Math.min(Math.max(16, Math.floor(size / 32)), 128);
    const lower = reserved < size ? reserved : 0;
    const free = (port: number) => !chosen.has(port) && !this.#cache.get(prefix + port);
    for (let i = 0; i < 16; i++) {
      const port = this.first + lower + random.below(size - lower);
      if (free(port)) return port;
    }
    for (let port = this.first + lower; port <= this.last; port++) if (free(port)) return port;
    for (let port = this.first; port < this.first + lower; port++) if (free(port)) return port;
    return undefined;
  }

  /** Writes a port that is free, or held under the service's name by one that was before it. */
  take(port: number, service: Shared<KubeObject>): ObjectWrite<Holder> {
    const { namespace, name } = service.metadata;
    const object = {
      kind: 'NodePort',
      apiVersion: 'timonel/v1',
      metadata: { name, ...(namespace ? { namespace } : {}) },
    } as unknown as Holder;
    const key = prefix + port;
    return { resource: this.#cache, key, object, expectedRevision: this.#cache.get(key)?.revision ?? 0 };
  }

  release(port: number): ObjectWrite<Holder> | undefined {
    const entry = this.#cache.get(prefix + port);
    if (!entry) return undefined;
    return { resource: this.#cache, key: entry.key, object: null, expectedRevision: entry.revision };
  }

  /** All ports that are held. */
  *held(): Generator<number> {
    for (const entry of this.#cache.snapshot().range(prefix)) yield Number(entry.key.slice(prefix.length));
  }
}
