/**
 * From NetworkPolicies to a table. A pod of this node that a policy isolates has one entry in a map, leading to the chain
 * of all policies that select it; in the chain a rule that allows the packet returns, and the end drops. Peers are sets of
 * pod addresses, shared by all rules with the same selectors.
 */
import { createHash } from 'node:crypto';
import type { Shared } from '../../api/kind.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/types/networking-v1.ts';
import type { ElementRef, SetSpec } from '../../nft/transaction.ts';

type Family = 4 | 6;
type Direction = 'ingress' | 'egress';

/** What policies say about a pod: where it is, what selects it, and its named ports. */
export interface PolicyPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly addresses: readonly string[];
  /** Runs on this node, so that it is here that packets are let through or not. */
  readonly local: boolean;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

/** Everything that the rules depend on. */
export interface PolicyInput {
  readonly policies: readonly Shared<NetworkPolicy>[];
  readonly pods: readonly PolicyPod[];
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>> | undefined>;
  readonly families: readonly Family[];
}

/** A table's contents: structure, which changes with the policies, and elements, which change with the pods. */
export interface CompiledPolicies {
  readonly sets: readonly SetSpec[];
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly elements: readonly ElementRef[];
}

/** The parts of a pod that policies look at; undefined for pods that they do not apply to (host network, ended, no address). */
export function policyPod(pod: Shared<Pod>, nodeName: string): PolicyPod | undefined {
  const { phase } = pod.status;
  const addresses = pod.status.podIPs?.map(({ ip }) => ip) ?? (pod.status.podIP ? [pod.status.podIP] : []);
  if (pod.spec.hostNetwork || phase === 'Succeeded' || phase === 'Failed' || addresses.length === 0) return undefined;
  const containers = [
    ...(pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always'),
    ...pod.spec.containers,
  ];
  return {
    namespace: pod.metadata.namespace ?? '',
    labels: pod.metadata.labels,
    addresses,
    local: pod.spec.nodeName === nodeName,
    ports: containers.flatMap((container) =>
      (container.ports ?? []).flatMap(({ name, protocol = 'TCP', containerPort }) =>
        name ? [{ name, protocol: protocol.toLowerCase(), port: containerPort }] : [],
      ),
    ),
  };
}

const l3 = (family: Family) => (family === 4 ? 'ip' : 'ip6');
const addressType = (family: Family) => (family === 4 ? 'ipv4_addr' : 'ipv6_addr');
const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);
const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** The directions that a policy isolates: policyTypes, or upstream's default for policies that have none. */
export function directionsOf({ spec }: Shared<NetworkPolicy>): Direction[] {
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress?.length ? ['Egress'] : [])];
  return (['ingress', 'egress'] as const).filter((direction) =>
    types.includes(direction === 'ingress' ? 'Ingress' : 'Egress'),
  );
}

/** Compiles policies for the pods of one node. */
export function compilePolicies(input: PolicyInput): CompiledPolicies {
  return new Compiler(input).compile();
}

class Compiler {
  readonly #input: PolicyInput;
  readonly #sets = new Map<string, SetSpec>();
  readonly #chains = new Map<string, readonly string[]>();
  readonly #elements: ElementRef[] = [];
  readonly #peerSets = new Map<string, { name: string; pods: readonly PolicyPod[] }>();

  constructor(input: PolicyInput) {
    this.#input = input;
  }

  compile(): CompiledPolicies {
    const { families, pods } = this.#input;
    for (const family of families) {
      const address = addressType(family);
      for (const direction of ['ingress', 'egress'])
        this.#sets.set(`${direction}${family}`, { name: `${direction}${family}`, key: address, data: 'verdict' });
      this.#sets.set(`self${family}`, { name: `self${family}`, key: `${address} . ${address}` });
    }
    for (const pod of pods) {
      if (!pod.local) continue;
      for (const direction of ['ingress', 'egress'] as const) this.#isolate(pod, direction);
    }
    return { sets: [...this.#sets.values()], chains: this.#chains, elements: this.#elements };
  }

  #isolate(pod: PolicyPod, direction: Direction): void {
    const policies = this.#policiesOf(pod.namespace, direction).filter(({ matcher }) => matcher.matches(pod.labels));
    if (policies.length === 0) return;
    const chain = `${direction}_${shortHash(
      policies
        .map(({ policy }) => policy.metadata.uid)
        .sort()
        .join(' '),
    )}`;
    if (!this.#chains.has(chain)) {
      const rules = policies.flatMap(({ policy }) => this.#rules(policy, direction));
      this.#chains.set(chain, [...new Set(rules), 'drop']);
    }
    for (const address of pod.addresses) {
      const family = familyOf(address);
      if (!this.#input.families.includes(family)) continue;
      this.#elements.push(
        { set: `${direction}${family}`, key: address, data: `jump ${chain}` },
        { set: `self${family}`, key: `${address} . ${address}` },
      );
    }
  }

  readonly #byNamespace = new Map<
    string,
    { policy: Shared<NetworkPolicy>; matcher: ReturnType<typeof labelSelectorMatcher> }[]
  >();

  #policiesOf(namespace: string, direction: Direction) {
    const key = `${direction} ${namespace}`;
    let found = this.#byNamespace.get(key);
    if (!found) {
      found = this.#input.policies
        .filter((policy) => policy.metadata.namespace === namespace && directionsOf(policy).includes(direction))
        .map((policy) => ({ policy, matcher: labelSelectorMatcher(policy.spec.podSelector) }));
      this.#byNamespace.set(key, found);
    }
    return found;
  }

  /** The rules by which a policy allows packets. */
  #rules(policy: Shared<NetworkPolicy>, direction: Direction): string[] {
    const namespace = policy.metadata.namespace ?? '';
    const rules: readonly {
      peers?: readonly Shared<NetworkPolicyPeer>[];
      ports?: readonly Shared<NetworkPolicyPort>[];
    }[] =
      direction === 'ingress'
        ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({
            ...(from ? { peers: from } : {}),
            ...(ports ? { ports } : {}),
          }))
        : (policy.spec.egress ?? []).map(({ to, ports }) => ({
            ...(to ? { peers: to } : {}),
            ...(ports ? { ports } : {}),
          }));
    return rules.flatMap(({ peers, ports }) => {
      const froms = peers?.length ? peers.flatMap((peer) => this.#peer(peer, namespace, direction)) : [{ match: '' }];
      const targets =
        direction === 'ingress'
          ? this.#input.pods.filter(
              (pod) =>
                pod.local &&
                pod.namespace === namespace &&
                labelSelectorMatcher(policy.spec.podSelector).matches(pod.labels),
            )
          : this.#input.pods;
      const tos = ports?.length ? this.#ports(ports, targets) : [{ match: '' }];
      return froms.flatMap((from) =>
        tos.flatMap((to) =>
          'family' in from && 'family' in to && from.family !== to.family
            ? []
            : [[from.match, to.match, 'return'].filter((part) => part !== '').join(' ')],
        ),
      );
    });
  }

  #peer(peer: Shared<NetworkPolicyPeer>, namespace: string, direction: Direction): { match: string; family: Family }[] {
    const side = direction === 'ingress' ? 'saddr' : 'daddr';
    if (peer.ipBlock) {
      const family = familyOf(peer.ipBlock.cidr);
      if (!this.#input.families.includes(family)) return [];
      const address = `${l3(family)} ${side}`;
      const except = peer.ipBlock.except?.length
        ? [`${address} != { ${[...new Set(peer.ipBlock.except)].join(', ')} }`]
        : [];
      return [{ match: [`${address} ${peer.ipBlock.cidr}`, ...except].join(' '), family }];
    }
    const { name } = this.#peerSet(peer, namespace);
    return this.#input.families.map((family) => ({ match: `${l3(family)} ${side} @${name}_${family}`, family }));
  }

  #peerSet(peer: Shared<NetworkPolicyPeer>, namespace: string): { name: string; pods: readonly PolicyPod[] } {
    const scope = peer.namespaceSelector ? JSON.stringify(peer.namespaceSelector) : namespace;
    const id = `${scope} ${JSON.stringify(peer.podSelector ?? {})}`;
    let found = this.#peerSets.get(id);
    if (found) return found;
    const byLabels = labelSelectorMatcher(peer.podSelector ?? {});
    const byNamespace = peer.namespaceSelector ? labelSelectorMatcher(peer.namespaceSelector) : undefined;
    const pods = this.#input.pods.filter((pod) => {
      if (byNamespace) {
        if (!this.#input.namespaces.has(pod.namespace)) return false;
        if (!byNamespace.matches(this.#input.namespaces.get(pod.namespace))) return false;
      } else if (pod.namespace !== namespace) return false;
      return byLabels.matches(pod.labels);
    });
    found = { name: `peers_${shortHash(id)}`, pods };
    this.#peerSets.set(id, found);
    for (const family of this.#input.families) {
      const set = `${found.name}_${family}`;
      this.#sets.set(set, { name: set, key: addressType(family) });
      for (const pod of pods)
        for (const key of pod.addresses) if (familyOf(key) === family) this.#elements.push({ set, key });
    }
    return found;
  }

  #ports(
    ports: readonly Shared<NetworkPolicyPort>[],
    targets: readonly PolicyPod[],
  ): { match: string; family?: Family }[] {
    const single = new Set<string>();
    const matches: { match: string; family?: Family }[] = [];
    for (const { protocol: upper = 'TCP', port, endPort } of ports) {
      const protocol = upper.toLowerCase();
      if (port === undefined) matches.push({ match: `meta l4proto ${protocol}` });
      else if (typeof port === 'string') matches.push(...this.#namedPort(port, protocol, targets));
      else if (endPort === undefined || endPort === port) single.add(`${protocol} . ${port}`);
      else matches.push({ match: `meta l4proto ${protocol} th dport ${port}-${endPort}` });
    }
    if (single.size > 0) matches.unshift({ match: `meta l4proto . th dport { ${[...single].join(', ')} }` });
    return matches;
  }

  /** A named port means what each destination pod has under that name. */
  #namedPort(name: string, protocol: string, targets: readonly PolicyPod[]): { match: string; family: Family }[] {
    const found = targets.flatMap((pod) =>
      pod.ports
        .filter((port) => port.name === name && port.protocol === protocol)
        .flatMap(({ port }) => pod.addresses.map((address) => ({ address, port }))),
    );
    const scope =
      targets === this.#input.pods
        ? ''
        : targets
            .map((pod) => pod.addresses[0])
            .sort()
            .join(' ');
    const base = `port_${shortHash(`${name} ${protocol} ${scope}`)}`;
    return this.#input.families.map((family) => {
      const set = `${base}_${family}`;
      this.#sets.set(set, { name: set, key: `${addressType(family)} . inet_proto . inet_service` });
      for (const { address, port } of found)
        if (familyOf(address) === family) this.#elements.push({ set, key: `${address} . ${protocol} . ${port}` });
      return { match: `${l3(family)} daddr . meta l4proto . th dport @${set}`, family };
    });
  }
}
