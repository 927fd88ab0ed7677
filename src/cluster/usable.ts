/** When a cluster is usable, and what is missing until then. */
import { Node } from '../api/core/node.ts';
import { ServiceAccount } from '../api/core/service-account.ts';
import { EndpointSlice } from '../api/discovery/endpoint-slice.ts';
import type { Shared } from '../api/kind.ts';
import { type Clock, realClock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import { type ClusterConfig, UserError } from './config.ts';

/** A node that is Ready and takes pods. */
export const isUsableNode = (node: Shared<Node>): boolean =>
  !node.spec.unschedulable &&
  !node.spec.taints?.some((t) => t.effect !== 'PreferNoSchedule' && t.key.startsWith('node.kubernetes.io/')) &&
  (node.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false);

/** What a user needs and is not there yet, in words; empty when the cluster is usable. */
export async function usability(
  client: Client,
  config: Pick<ClusterConfig, 'nodes' | 'runtime' | 'disable'>,
): Promise<string[]> {
  const missing: string[] = [];
  try {
    const ready = await client.transport.raw('/readyz');
    if (ready.status !== 200) return [`the API server is not ready (${failedChecks(ready.body) || ready.status})`];
    const [nodes, account, dns] = await Promise.all([
      client.list(Node),
      client.find(ServiceAccount, { namespace: 'default', name: 'default' }),
      config.runtime === 'cri' && !config.disable.includes('dns')
        ? client.list(EndpointSlice, { namespace: 'kube-system', labelSelector: 'kubernetes.io/service-name=kube-dns' })
        : undefined,
    ]);
    if (!account) missing.push('the default service account');
    const usable = nodes.items.filter(isUsableNode).length;
    if (usable < config.nodes)
      missing.push(
        config.nodes === 1
          ? `a Ready node${describeNodes(nodes.items)}`
          : `${config.nodes - usable} of ${config.nodes} Ready nodes${describeNodes(nodes.items)}`,
      );
    if (dns && !dns.items.some((slice) => slice.endpoints.some((e) => e.conditions.ready !== false)))
      missing.push('the cluster DNS');
  } catch (error) {
    return [`an answer of the API server (${(error as Error).message})`];
  }
  return missing;
}

function describeNodes(nodes: readonly Shared<Node>[]): string {
  const first = nodes.find((n) => !isUsableNode(n));
  const condition = first?.status.conditions?.find((c) => c.type === 'Ready');
  return first ? ` (${first.metadata.name}: ${condition?.message || condition?.reason || 'has not reported yet'})` : '';
}

/** The cluster runs but is not usable in time: it is left to go on. */
export class NotUsableYet extends UserError {}

const pollMs = 15;

/** Waits until the cluster is usable; the error of a time-out says what is missing. */
export async function waitUntilUsable(
  client: Client,
  config: ClusterConfig,
  { timeoutMs, failed, clock = realClock }: { timeoutMs: number; failed?: Promise<never>; clock?: Clock },
): Promise<void> {
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    const missing = await (failed ? Promise.race([usability(client, config), failed]) : usability(client, config));
    if (missing.length === 0) return;
    if (clock.monotonic() > end)
      throw new NotUsableYet(
        `the cluster is not usable after ${Math.round(timeoutMs / 1000)}s, missing: ${missing.join(', ')}; it goes on trying, "timonel logs" tells more`,
      );
    await clock.sleep(pollMs);
  }
}

/** The names of the checks that failed, in a health report. */
const failedChecks = (report: string) => [...report.matchAll(/^\[-\](\S+)/gm)].map(([, name]) => name).join(', ');
