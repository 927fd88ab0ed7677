/** Registers the node and keeps its status and lease. */
import { Node } from '../../api/core/node.ts';
import type { Shared } from '../../api/kind.ts';
import { isAlreadyExists } from '../../api/machinery/status.ts';
import type { ContainerImage, NodeStatus } from '../../api/types/core-v1.ts';
import { backoffDelay } from '../../base/backoff.ts';
import type { Timer } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import type { KubeletContext } from '../context.ts';
import { type NodeEvent, nodeEvents } from './node-events.ts';
import { leaseRenewMs, NodeLease } from './node-lease.ts';
import { type NodeDescription, type NodeHealth, newNode, nodeConditions, nodeStatus } from './node-object.ts';

/** The status is looked at this often and written when it changed, and every five minutes in any case. */
const statusIntervalMs = 10_000;
const reportMs = 300_000;
/** While the node is not ready it is looked at more often, so that it is ready soon. */
const notReadyIntervalMs = 100;
const maxImages = 50;
const retry = { initialMs: 200, maxMs: 7000 };

export class NodeKeeper {
  readonly #context: KubeletContext;
  readonly #describe: () => NodeDescription;
  readonly #health: () => Promise<NodeHealth>;
  readonly #lease: NodeLease;
  #uid: string | undefined;
  #node: Shared<Node> | undefined;
  #written: NodeStatus | undefined;
  #writtenAt = 0;
  #timers: Timer[] = [];
  #statusTimer: Timer | undefined;
  #closed = false;
  #failures = 0;

  constructor(context: KubeletContext, describe: () => NodeDescription, health: () => Promise<NodeHealth>) {
    this.#context = context;
    this.#describe = describe;
    this.#health = health;
    this.#lease = new NodeLease(context, { name: context.nodeName, uid: () => this.#uid });
  }

  /** Registers the node, or takes over the one that is there, and starts to keep it. Retries until it is done. */
  async start(): Promise<void> {
    const { clock, log } = this.#context;
    this.#say([{ type: 'Normal', reason: 'Starting', message: 'Starting kubelet.' }]);
    for (let failures = 0; !this.#closed; failures++) {
      try {
        await this.#register();
        break;
      } catch (error) {
        log.warn('the node could not be registered', { error });
        await clock.sleep(backoffDelay(retry, failures));
      }
    }
    await this.#renewLease();
    this.#timers.push(clock.every(leaseRenewMs, () => void this.#renewLease()));
    this.#scheduleStatus(this.#isReady() ? statusIntervalMs : notReadyIntervalMs);
  }

  get ready(): boolean {
    return this.#isReady();
  }

  /** Looks at the node's health at once. */
  refresh(): void {
    if (!this.#closed) this.#scheduleStatus(0);
  }

  close(): void {
    this.#closed = true;
    this.#statusTimer?.cancel();
    for (const timer of this.#timers) timer.cancel();
  }

  #say(events: readonly NodeEvent[]): void {
    const { nodeName } = this.#context;
    // As upstream's kubelet does: `kubectl describe node` looks for events by the node's name.
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
    for (const { type, reason, message } of events) this.#context.events.event(node, type, reason, message);
  }

  async #register(): Promise<void> {
    const { client, nodeName } = this.#context;
    const description = this.#describe();
    const existing = await client.find(Node, { name: nodeName });
    if (!existing) {
      const status = await this.#makeStatus(undefined);
      try {
        this.#adopt(await client.create(Node, newNode(description, status) as never), status);
        this.#say(nodeEvents(nodeName, undefined, status));
        return;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        return this.#register();
      }
    }
    const labels = Object.fromEntries(
      Object.entries(description.labels).filter(([key, value]) => existing.metadata.labels?.[key] !== value),
    );
    let node = existing;
    if (Object.keys(labels).length > 0) {
      node = await client.patch(Node, { name: nodeName }, { metadata: { labels } }, { type: 'merge' });
    }
    this.#node = node;
    this.#uid = node.metadata.uid;
    await this.#writeStatus(await this.#makeStatus(node));
  }

  #adopt(node: Shared<Node>, status: NodeStatus): void {
    this.#node = node;
    this.#uid = node.metadata.uid;
    this.#written = status;
    this.#writtenAt = this.#context.clock.now();
  }

  async #makeStatus(node: Shared<Node> | undefined): Promise<NodeStatus> {
    const { clock } = this.#context;
    const [health, images] = await Promise.all([this.#health(), this.#images()]);
    const conditions = nodeConditions(health, this.#written?.conditions ?? node?.status.conditions ?? [], clock.now());
    return nodeStatus(this.#describe(), conditions, images);
  }

  async #images(): Promise<ContainerImage[]> {
    const { images } = await this.#context.runtime.images.listImages({}).catch(() => ({ images: [] }));
    return images
      .filter((image) => image.repo_tags.length + image.repo_digests.length > 0)
      .sort((a, b) => b.size - a.size)
      .slice(0, maxImages)
      .map((image) => ({ names: [...image.repo_digests, ...image.repo_tags].slice(0, 5), sizeBytes: image.size }));
  }

  #scheduleStatus(delayMs: number): void {
    this.#statusTimer?.cancel();
    this.#statusTimer = this.#context.clock.after(delayMs, () => void this.#syncStatus());
  }

  async #syncStatus(): Promise<void> {
    const { clock, log } = this.#context;
    let nextMs = statusIntervalMs;
    try {
      const status = await this.#makeStatus(this.#node);
      const due = clock.now() - this.#writtenAt >= reportMs;
      if (due || !this.#written || !sameButHeartbeats(status, this.#written)) await this.#writeStatus(status);
      this.#failures = 0;
      if (!this.#isReady()) nextMs = notReadyIntervalMs;
    } catch (error) {
      log.warn('the status of the node could not be written', { error });
      if ((error as { reason?: string }).reason === 'NotFound') {
        // Someone deleted the node: it is registered anew.
        this.#written = undefined;
        await this.#register().catch(() => {});
      }
      nextMs = backoffDelay(retry, this.#failures++);
    }
    if (!this.#closed) this.#scheduleStatus(nextMs);
  }

  async #writeStatus(status: NodeStatus): Promise<void> {
    const { client, clock, nodeName } = this.#context;
    const before = this.#node?.status;
    const node = await client.patch(
      Node,
      { name: nodeName },
      { status: withoutHeld(status) },
      { type: 'strategic', subresource: 'status' },
    );
    this.#adopt(node, status);
    this.#say(nodeEvents(nodeName, before, status));
    this.#writtenAt = clock.now();
  }

  #isReady(): boolean {
    return this.#written?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  }

  async #renewLease(): Promise<void> {
    try {
      await this.#lease.renew();
    } catch (error) {
      this.#context.log.warn('the lease of the node could not be renewed', { error });
    }
  }
}

/** Addresses are merged by type upstream; replacing them whole keeps none that the node has lost. */
function withoutHeld(status: NodeStatus): Record<string, unknown> {
  return { ...status, addresses: [...(status.addresses ?? []), { $patch: 'replace' }] };
}

function sameButHeartbeats(a: NodeStatus, b: NodeStatus): boolean {
  const strip = (status: NodeStatus) => ({
    ...status,
    conditions: status.conditions?.map(({ lastHeartbeatTime: _, ...condition }) => condition),
  });
  return deepEqual(strip(a), strip(b));
}
