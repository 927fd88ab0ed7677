/** Enforces NetworkPolicies for the pods of a node: recompiled when policies, labels or addresses change, written as differences. */
import { Namespace } from '../../api/core/namespace.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { NetworkPolicy } from '../../api/networking/network-policy.ts';
import type { Clock } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import type { Logger } from '../../base/log.ts';
import type { InformerSet } from '../../client/informer.ts';
import { createNftRunner, type NftRunner } from '../../nft/nft-runner.ts';
import type { ChainHook, Transaction } from '../../nft/transaction.ts';
import { TableSync } from '../table-sync.ts';
import { type CompiledPolicies, compilePolicies, type PolicyPod, policyPod } from './compile-policies.ts';
import { policyTable } from './policy-table.ts';

export interface NetworkPoliciesOptions {
  readonly informers: InformerSet;
  readonly nodeName: string;
  readonly clusterName: string;
  /** Address families of the pod network; IPv4 alone by default. */
  readonly families?: readonly (4 | 6)[];
  /**
   * Addresses that count as pods of kube-system labelled `k8s-app: kube-dns`: those of the cluster DNS, which runs in the
   * node's process, so that the customary egress rule for DNS selects it.
   */
  readonly dnsAddresses?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly nft?: NftRunner;
}

/** Running enforcement. */
export interface NetworkPolicies {
  /** Resolves when all changes seen so far are in the kernel. */
  whenApplied(): Promise<void>;
  stop(options?: { remove?: boolean }): Promise<void>;
}

const hookAt = (hook: ChainHook['hook']): ChainHook => ({ type: 'filter', hook, priority: 0 });

/** Starts enforcement; resolves when the policies that exist are in force. */
export async function startNetworkPolicies(options: NetworkPoliciesOptions): Promise<NetworkPolicies> {
  const { informers, nodeName, clock, log, families = [4] } = options;
  const policies = informers.informer(NetworkPolicy);
  const pods = informers.informer(Pod);
  const namespaces = informers.informer(Namespace);
  await Promise.all([policies.whenSynced(), pods.whenSynced(), namespaces.whenSynced()]);

  const dns: PolicyPod = {
    namespace: 'kube-system',
    labels: { 'k8s-app': 'kube-dns' },
    addresses: options.dnsAddresses ?? [],
    local: false,
    ports: [
      { name: 'dns', protocol: 'udp', port: 53 },
      { name: 'dns-tcp', protocol: 'tcp', port: 53 },
    ],
  };
  const empty: CompiledPolicies = { sets: [], chains: new Map(), elements: [] };
  let compiled = empty;
  let dirty = true;

  const collect = () => {
    if (!dirty) return;
    dirty = false;
    const before = structureOf(compiled);
    const list = policies.list();
    compiled = compilePolicies({
      policies: list,
      // Without a policy there is nothing to select, however many pods there are.
      pods: list.length === 0 ? [] : [...pods.list().flatMap((pod) => policyPod(pod, nodeName) ?? []), dns],
      namespaces: new Map(namespaces.list().map((namespace) => [namespace.metadata.name, namespace.metadata.labels])),
      families,
    });
    sync.ledger.assign('policies', compiled.elements);
    if (structureOf(compiled) !== before) sync.rebuild();
  };
  const sync = new TableSync({
    table: policyTable(options.clusterName),
    nft: options.nft ?? createNftRunner(),
    clock,
    log,
    canaryChain: 'forward',
    replace: true,
    collect,
    writeBase: (transaction) => writePolicyTable(transaction, compiled, families),
  });

  const change = () => {
    dirty = true;
    sync.schedule();
  };
  const podChange = (pod: Shared<Pod>, old?: Shared<Pod>) => {
    if (policies.list().length === 0) return;
    if (old && deepEqual(policyPod(pod, nodeName), policyPod(old, nodeName))) return;
    change();
  };
  const removers = [
    policies.addHandler({ onAdd: change, onUpdate: change, onDelete: change }),
    pods.addHandler({
      onAdd: (pod) => podChange(pod),
      onUpdate: podChange,
      onDelete: (pod) => podChange(pod),
    }),
    namespaces.addHandler({
      onAdd: change,
      onUpdate: (now, old) => {
        if (!deepEqual(now.metadata.labels, old.metadata.labels)) change();
      },
      onDelete: change,
    }),
  ];
  await sync.start();
  return {
    whenApplied: () => sync.whenApplied(),
    async stop(stopOptions) {
      for (const remove of removers) remove();
      await sync.stop(stopOptions);
    },
  };
}

function structureOf({ sets, chains }: CompiledPolicies): string {
  return JSON.stringify([sets, [...chains]]);
}

/** The table's structure: maps and sets, the chains of policies, and the hooks that lead to them. */
export function writePolicyTable(
  transaction: Transaction,
  { sets, chains }: CompiledPolicies,
  families: readonly (4 | 6)[],
): void {
  transaction.addTable();
  for (const set of sets) transaction.addSet(set);
  for (const [name, rules] of chains) transaction.setChain(name, rules);
  const each = (rules: (family: 4 | 6, l3: string) => string[]) =>
    families.flatMap((family) => rules(family, family === 4 ? 'ip' : 'ip6'));
  const known = 'ct state { established, related } accept';
  transaction.setChain(
    'forward',
    [
      known,
      ...each((family, l3) => [
        `${l3} saddr . ${l3} daddr @self${family} accept`,
        `${l3} saddr vmap @egress${family}`,
        `${l3} daddr vmap @ingress${family}`,
      ]),
    ],
    hookAt('forward'),
  );
  transaction.setChain(
    'input',
    [
      known,
      'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept',
      ...each((family, l3) => [`${l3} saddr vmap @egress${family}`]),
    ],
    hookAt('input'),
  );
}
