/** How fast the nodes of a zone may be given up, depending on how much of the zone is down. */
import type { Node } from '../../api/core/node.ts';
import type { Shared } from '../../api/kind.ts';
import type { Clock } from '../../base/clock.ts';
import { readyStatus } from './node-state.ts';

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';

export interface EvictionRates {
  /** Nodes a second in a healthy zone; 0.1. */
  readonly primary: number;
  /** Nodes a second in a large zone that is partly down; 0.01. */
  readonly secondary: number;
  /** Part of not ready nodes from which a zone counts as partly down; 0.55. */
  readonly unhealthyThreshold: number;
  /** Smaller zones that are partly down are left alone; 50. */
  readonly largeZone: number;
}

export const defaultRates: EvictionRates = { primary: 0.1, secondary: 0.01, unhealthyThreshold: 0.55, largeZone: 50 };

/** Region and zone of a node, as one key. */
export function zoneOf(node: Shared<Node>): string {
  const labels = node.metadata.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return `${region}:\u0000:${zone}`;
}

export interface Zone {
  readonly state: ZoneState;
  readonly size: number;
}

/** The state of every zone. */
export function zonesOf(nodes: readonly Shared<Node>[], rates: EvictionRates): Map<string, Zone> {
  const counts = new Map<string, { ready: number; notReady: number }>();
  for (const node of nodes) {
    const zone = zoneOf(node);
    const count = counts.get(zone) ?? { ready: 0, notReady: 0 };
    if (readyStatus(node) === 'True') count.ready++;
    else count.notReady++;
    counts.set(zone, count);
  }
  const zones = new Map<string, Zone>();
  for (const [zone, { ready, notReady }] of counts) {
    const size = ready + notReady;
    const state: ZoneState =
      ready === 0 && notReady > 0
        ? 'FullDisruption'
        : notReady > 2 && notReady / size >= rates.unhealthyThreshold
          ? 'PartialDisruption'
          : 'Normal';
    zones.set(zone, { state, size });
  }
  return zones;
}

/** Nodes a second that may be given up in a zone, as long as some zone is not entirely down. */
export function evictionRate(zones: ReadonlyMap<string, Zone>, zone: string, rates: EvictionRates): number {
  const { state, size } = zones.get(zone) ?? { state: 'Normal', size: 0 };
  if (state !== 'PartialDisruption') return rates.primary;
  return size > rates.largeZone ? rates.secondary : 0;
}

/** One token per zone, refilled at the zone's present rate. */
export class ZoneLimiter {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0 when the node may be given up now, else ms until it is worth asking again. */
  take(zone: string, ratePerSecond: number): number {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(zone) ?? { tokens: 1, at: now };
    bucket.tokens = Math.min(1, bucket.tokens + ((now - bucket.at) / 1000) * ratePerSecond);
    bucket.at = now;
    this.#buckets.set(zone, bucket);
    if (ratePerSecond <= 0) return 5_000;
    // A hair under one is one: the refill is a sum of fractions.
    if (bucket.tokens < 1 - 1e-9) return Math.max(1, ((1 - bucket.tokens) / ratePerSecond) * 1000);
    bucket.tokens = 0;
    return 0;
  }
}
