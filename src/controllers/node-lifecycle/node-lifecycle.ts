import { Lease } from '../../api/coordination/lease.ts';
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import type { Taint } from '../../api/types/core-v1.ts';
import { type ControllerContext, defineController, type ReconcileResult } from '../../client/reconcile.ts';
import { findCondition, withCondition } from '../conditions.ts';
import { isPodReady, isPodTerminal } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { indexByNode, podsOnNode } from '../service-pods.ts';
import {
  evictionTaintOf,
  readyStatus,
  silentConditions,
  twinLabels,
  wantedEvictionTaint,
  withEvictionTaint,
  withNoScheduleTaints,
} from './node-state.ts';
import { defaultRates, type EvictionRates, evictionRate, ZoneLimiter, zoneOf, zonesOf } from './zones.ts';

const leaseNamespace = 'kube-node-lease';
/** As upstream's --node-monitor-grace-period and --node-startup-grace-period. */
const defaultGraceSeconds = 50;
const startupGraceMs = 60_000;
const minRecheckMs = 1_000;
const zonesFreshMs = 500;

interface Health {
  /** When the kubelet was last heard, by this process's clock: nodes' clocks are not trusted. */
  heardAt: number;
  heartbeat: string | undefined;
  ready: string | undefined;
  everReported: boolean;
}

interface State {
  readonly health: Map<string, Health>;
  readonly limiter: ZoneLimiter;
  readonly rates: EvictionRates;
  zones: { readonly at: number; readonly value: ReturnType<typeof zonesOf> } | undefined;
}

const states = new WeakMap<ControllerContext, State>();

/** Watches over nodes: marks the silent ones, keeps their taints in step with their conditions, gives up lost ones zone by zone. */
export const nodeLifecycleController = defineController<Node>({
  name: 'node-controller',
  for: Node,
  reads: [Pod, Lease],
  concurrency: 8,
  rbac: [
    allow('get list watch update delete patch', '', 'nodes'),
    allow('patch update', '', 'nodes/status pods/status'),
    allow('list watch get delete', '', 'pods'),
    allow('get list watch', 'coordination.k8s.io', 'leases'),
    recordEvents,
  ],
  start(context) {
    const { informers, settings } = context;
    const setting = (name: string, fallback: number) => Number(settings[name] ?? fallback);
    const state: State = {
      health: new Map(),
      limiter: new ZoneLimiter(context.clock),
      zones: undefined,
      rates: {
        primary: setting('nodeEvictionRate', defaultRates.primary),
        secondary: setting('secondaryNodeEvictionRate', defaultRates.secondary),
        unhealthyThreshold: setting('unhealthyZoneThreshold', defaultRates.unhealthyThreshold),
        largeZone: setting('largeClusterSizeThreshold', defaultRates.largeZone),
      },
    };
    states.set(context, state);
    indexByNode(informers.informer(Pod));
    const onLease = (lease: Shared<Lease>, old?: Shared<Lease>) => {
      if (lease.metadata.namespace !== leaseNamespace || lease.spec.renewTime === old?.spec.renewTime) return;
      const health = state.health.get(lease.metadata.name);
      if (!health) return;
      health.heardAt = context.clock.monotonic();
      health.everReported = true;
      // The next look was planned by the old promise.
      if (old && lease.spec.leaseDurationSeconds !== old.spec.leaseDurationSeconds)
        context.enqueue(lease.metadata.name);
    };
    return informers.informer(Lease).addHandler({ onAdd: onLease, onUpdate: onLease });
  },
  async reconcile(key, context) {
    const state = states.get(context)!;
    const node = context.lister(Node).byKey(key);
    if (!node) {
      if (state.health.delete(key))
        nodeEvent(context, key, {
          uid: key,
          reason: 'RemovingNode',
          message: `Node ${key} event: Removing Node ${key} from Controller`,
        });
      return undefined;
    }
    if (!state.health.has(key)) {
      nodeEvent(context, key, {
        uid: node.metadata.uid,
        reason: 'RegisteredNode',
        message: `Node ${key} event: Registered Node ${key} in Controller`,
      });
    }
    return new NodeLook(context, state, node).run();
  },
});

function nodeEvent(
  { events }: ControllerContext,
  name: string,
  { uid, reason, message }: { uid: string; reason: string; message: string },
): void {
  events.event({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid } }, 'Normal', reason, message);
}

class NodeLook {
  readonly #context: ControllerContext;
  readonly #state: State;
  readonly #name: string;
  #node: Shared<Node>;

  constructor(context: ControllerContext, state: State, node: Shared<Node>) {
    this.#context = context;
    this.#state = state;
    this.#node = node;
    this.#name = node.metadata.name;
  }

  async run(): Promise<ReconcileResult> {
    const leftMs = await this.#watchHeartbeat();
    await this.#reconcileLabels();
    await this.#setTaints(withNoScheduleTaints(this.#node));
    const waitMs = await this.#reconcileEviction();
    return { requeueAfterMs: Math.max(minRecheckMs, waitMs === undefined ? leftMs : Math.min(waitMs, leftMs)) };
  }

  /** Marks the node when its kubelet has been silent for too long; returns ms until the next look. */
  async #watchHeartbeat(): Promise<number> {
    const { clock, settings } = this.#context;
    const ready = findCondition(this.#node.status.conditions, 'Ready');
    const now = clock.monotonic();
    const before = this.#state.health.get(this.#name);
    const health: Health = before ?? {
      heardAt: now,
      heartbeat: ready?.lastHeartbeatTime,
      ready: ready?.status,
      everReported: ready !== undefined,
    };
    if (!before) this.#state.health.set(this.#name, health);
    if (health.heartbeat !== ready?.lastHeartbeatTime) {
      health.heartbeat = ready?.lastHeartbeatTime;
      health.heardAt = now;
      health.everReported = true;
    }
    // A node that promised a longer lease than usual is waited for as long as that.
    const leaseSeconds = this.#context.lister(Lease).get(leaseNamespace, this.#name)?.spec.leaseDurationSeconds ?? 0;
    const graceMs = health.everReported
      ? Math.max(settings.nodeMonitorGraceSeconds ?? defaultGraceSeconds, leaseSeconds) * 1000
      : startupGraceMs;
    const leftMs = health.heardAt + graceMs - now;
    if (leftMs <= 0) {
      const conditions = silentConditions(this.#node, clock.now());
      if (conditions !== this.#node.status.conditions) {
        this.#node = await this.#context.client.updateStatus(Node, {
          ...this.#node,
          status: { ...this.#node.status, conditions },
        });
      }
    }
    const status = readyStatus(this.#node);
    if (health.ready === 'True' && status !== 'True') {
      const message = `Node ${this.#name} status is now: NodeNotReady`;
      nodeEvent(this.#context, this.#name, { uid: this.#node.metadata.uid, reason: 'NodeNotReady', message });
      await this.#markPodsNotReady();
    } else if (leftMs <= 0) await this.#markPodsNotReady();
    health.ready = status;
    return leftMs > 0 ? leftMs : graceMs;
  }

  /** Endpoints must not lead to pods of a node that nobody hears of. */
  async #markPodsNotReady(): Promise<void> {
    const { client, clock, events } = this.#context;
    for (const pod of podsOnNode(this.#context, this.#name)) {
      if (!isPodReady(pod) || isPodTerminal(pod)) continue;
      const ready = findCondition(pod.status.conditions, 'Ready')!;
      const [changed] = withCondition([ready], { ...ready, status: 'False' }, clock.now());
      try {
        await client.patch(
          Pod,
          pod.metadata,
          { metadata: { uid: pod.metadata.uid }, status: { conditions: [changed] } },
          { type: 'strategic', subresource: 'status' },
        );
        events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    }
  }

  async #reconcileLabels(): Promise<void> {
    const labels = twinLabels(this.#node);
    if (!labels) return;
    this.#node = await this.#context.client.patch(
      Node,
      this.#node.metadata,
      { metadata: { labels } },
      { type: 'merge' },
    );
  }

  /** Sets or takes away the taint that evicts; returns ms to wait when the zone allows no more now. */
  async #reconcileEviction(): Promise<number | undefined> {
    const { clock } = this.#context;
    const wanted = wantedEvictionTaint(this.#node);
    const present = evictionTaintOf(this.#node);
    if (!wanted && !present) return undefined;
    const zones = this.#zones();
    const allDown = zones.size > 0 && [...zones.values()].every(({ state }) => state === 'FullDisruption');
    if (allDown) {
      // When everything is down, the fault is more likely on this side: nothing is given up.
      if (present) await this.#setTaints(withEvictionTaint(this.#node.spec.taints ?? [], undefined, clock.now()));
      return wanted ? 5_000 : undefined;
    }
    if (wanted === present) return undefined;
    if (wanted && !present) {
      const zone = zoneOf(this.#node);
      const wait = this.#state.limiter.take(zone, evictionRate(zones, zone, this.#state.rates));
      if (wait > 0) return wait;
    }
    await this.#setTaints(withEvictionTaint(this.#node.spec.taints ?? [], wanted, clock.now()));
    return undefined;
  }

  /** Looking at every node for every node that is down would cost their square. */
  #zones(): ReturnType<typeof zonesOf> {
    const { clock, lister } = this.#context;
    const now = clock.monotonic();
    if (!this.#state.zones || now - this.#state.zones.at >= zonesFreshMs) {
      this.#state.zones = { at: now, value: zonesOf(lister(Node).list(), this.#state.rates) };
    }
    return this.#state.zones.value;
  }

  async #setTaints(taints: readonly Shared<Taint>[]): Promise<void> {
    if (taints === this.#node.spec.taints || (taints.length === 0 && !this.#node.spec.taints)) return;
    const { resourceVersion } = this.#node.metadata;
    const patch = { metadata: { resourceVersion }, spec: { taints: taints.length ? taints : null } };
    this.#node = await this.#context.client.patch(Node, this.#node.metadata, patch, { type: 'merge' });
  }
}
