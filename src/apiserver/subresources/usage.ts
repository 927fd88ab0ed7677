/** What kubelets say of the use of CPU and memory, asked at most every few seconds for all who want to know. */
import type { Node } from '../../api/core/node.ts';
import type { Shared } from '../../api/kind.ts';
import { requestJson } from '../aggregation/json-request.ts';
import type { ApiContext } from '../context.ts';
import { kubeletOf } from '../streaming/kubelet-target.ts';

const freshMs = 10_000;
const timeoutMs = 3_000;

interface Usage {
  readonly time?: string;
  readonly cpu?: { readonly time?: string; readonly usageNanoCores?: number; readonly usageCoreNanoSeconds?: number };
  readonly memory?: { readonly workingSetBytes?: number };
}

interface Summary {
  readonly node?: Usage;
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly (Usage & { readonly name: string })[];
  }[];
}

/** CPU and memory as quantities. */
export interface Measured {
  readonly cpu: string;
  readonly memory: string;
}

export interface NodeUsage {
  readonly at: number;
  readonly node: Measured | undefined;
  /** By `namespace/name`. */
  readonly pods: ReadonlyMap<string, readonly { readonly name: string; readonly usage: Measured }[]>;
}

/** Samples of one API server; the rate of CPU use needs two of them. */
class UsageCollector {
  readonly #api: ApiContext;
  readonly #nodes = new Map<string, { usage: NodeUsage; counters: Map<string, { at: number; nanos: number }> }>();
  #pending: Promise<void> | undefined;
  #collectedAt = Number.NEGATIVE_INFINITY;

  constructor(api: ApiContext) {
    this.#api = api;
  }

  /** Usage by node, at most ten seconds old. */
  async read(): Promise<ReadonlyMap<string, NodeUsage>> {
    if (this.#api.clock.monotonic() - this.#collectedAt > freshMs) {
      this.#pending ??= this.#collect().finally(() => {
        this.#pending = undefined;
      });
      await this.#pending;
    }
    return new Map([...this.#nodes].map(([name, { usage }]) => [name, usage]));
  }

  async #collect(): Promise<void> {
    const stored = this.#api.registry.storage('', 'nodes')!;
    const names: string[] = [];
    for (const entry of stored.cache.snapshot().range(stored.prefix)) {
      const node = entry.object as unknown as Shared<Node>;
      if (node.status.daemonEndpoints?.kubeletEndpoint?.Port) names.push(node.metadata.name);
    }
    for (const name of this.#nodes.keys()) if (!names.includes(name)) this.#nodes.delete(name);
    await Promise.all(
      names.map(async (name) => {
        try {
          this.#take(name, await this.#summaryOf(name));
        } catch (error) {
          this.#api.log.debug('a node did not say what it uses', { node: name, error });
          this.#nodes.delete(name);
        }
      }),
    );
    this.#collectedAt = this.#api.clock.monotonic();
  }

  #take(name: string, summary: Summary): void {
    const before = this.#nodes.get(name)?.counters ?? new Map<string, { at: number; nanos: number }>();
    const counters = new Map<string, { at: number; nanos: number }>();
    const measure = (id: string, usage: Usage | undefined): Measured | undefined => {
      if (!usage?.memory) return undefined;
      const nanoCores = usage.cpu?.usageNanoCores ?? this.#rate(id, usage, { before, counters });
      if (nanoCores === undefined) return undefined;
      return { cpu: `${Math.round(nanoCores)}n`, memory: `${Math.ceil((usage.memory.workingSetBytes ?? 0) / 1024)}Ki` };
    };
    const pods = new Map<string, { name: string; usage: Measured }[]>();
    for (const { podRef, containers } of summary.pods ?? []) {
      const id = `${podRef.namespace}/${podRef.name}`;
      const measured = (containers ?? []).flatMap((container) => {
        const usage = measure(`${id}/${container.name}`, container);
        return usage ? [{ name: container.name, usage }] : [];
      });
      if (measured.length) pods.set(id, measured);
    }
    const usage = { at: this.#api.clock.now(), node: measure('', summary.node), pods };
    this.#nodes.set(name, { usage, counters });
  }

  #rate(
    id: string,
    usage: Usage,
    {
      before,
      counters,
    }: { before: Map<string, { at: number; nanos: number }>; counters: Map<string, { at: number; nanos: number }> },
  ): number | undefined {
    const nanos = usage.cpu?.usageCoreNanoSeconds;
    if (nanos === undefined) return undefined;
    const at = usage.cpu?.time ? Date.parse(usage.cpu.time) : this.#api.clock.now();
    counters.set(id, { at, nanos });
    const previous = before.get(id);
    if (!previous || at <= previous.at || nanos < previous.nanos) return undefined;
    return ((nanos - previous.nanos) * 1000) / (at - previous.at);
  }

  async #summaryOf(node: string): Promise<Summary> {
    const { status, json } = await requestJson(kubeletOf(this.#api, node), { path: '/stats/summary', timeoutMs });
    if (status !== 200) throw new Error(`the kubelet answered ${status}`);
    return json as Summary;
  }
}

const collectors = new WeakMap<ApiContext, UsageCollector>();

/** The usage of all nodes and their pods. */
export function readUsage(api: ApiContext): Promise<ReadonlyMap<string, NodeUsage>> {
  let collector = collectors.get(api);
  if (!collector) {
    collector = new UsageCollector(api);
    collectors.set(api, collector);
  }
  return collector.read();
}
