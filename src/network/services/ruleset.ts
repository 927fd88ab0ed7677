/**
 * The table of a cluster, as far as services go. Services and endpoints are elements of maps only; there is no rule and
 * no chain per service, so a packet is matched in constant time and a change of an endpoint is a change of an element:
 *
 *   svc4:  address . protocol . port                → goto lb4_tcp_3         (the port has three endpoints)
 *   lb4_tcp_3: numgen random mod 3 → ep4_tcp: address . port . number → endpoint address . endpoint port
 *
 * Chains exist per number of endpoints, and are made when a service first has that many. `np…` are the same for node
 * ports (any local address), `x…` hold what clients outside the cluster get under externalTrafficPolicy Local,
 * `aff…` remember clients for session affinity, `no…` say what is rejected or dropped for want of endpoints.
 */
import type { ChainHook, SetSpec, Transaction } from '../../nft/transaction.ts';

export type Family = 4 | 6;

/** Networks of a cluster on this node; a family without entries is off. */
export interface ClusterNetworks {
  /** CIDRs that pods of the whole cluster have. */
  readonly podCidrs: readonly string[];
  /** CIDRs of service addresses. */
  readonly serviceCidrs: readonly string[];
}

/** The bit of the packet mark that asks for masquerading, as upstream's kube-proxy sets it. */
const masqueradeMark = '0x4000';

/** Protocols that services have. */
export type Protocol = 'tcp' | 'udp' | 'sctp';

export const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/** What a verdict of a service map leads to. */
export interface LoadBalancing {
  readonly family: Family;
  readonly protocol: Protocol;
  /** By service address, or by node port. */
  readonly frontend: 'address' | 'nodePort';
  /** Only endpoints of this node, for clients outside the cluster. */
  readonly external: boolean;
  readonly affinity: boolean;
  readonly endpoints: number;
}

/** The family of an address or CIDR. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

const ip = (family: Family) => (family === 4 ? 'ip' : 'ip6');
const addressType = (family: Family) => (family === 4 ? 'ipv4_addr' : 'ipv6_addr');
const key = (family: Family) => `${ip(family)} daddr . meta l4proto . th dport`;
const portKey = 'meta l4proto . th dport';
/** The bound only gives the key component its type; each chain uses its own modulus. */
const numberType = 'numgen random mod 65536';

/**
 * The name of the endpoint map that a chain of this sort draws from. One per protocol: nft 1.0.6 cannot read the
 * definition of a map with `th dport` in its data again, and `tcp dport` makes a rule that matches TCP only.
 */
export function endpointMap(lb: Pick<LoadBalancing, 'family' | 'frontend' | 'external' | 'protocol'>): string {
  return `${lb.external ? 'x' : ''}ep${lb.frontend === 'nodePort' ? '_np' : ''}${lb.family}_${lb.protocol}`;
}

/** The name of the map that leads to chains of this sort. */
export function verdictMap(lb: Pick<LoadBalancing, 'family' | 'frontend' | 'external'>): string {
  return `${lb.external ? 'x' : ''}${lb.frontend === 'nodePort' ? 'np' : 'svc'}${lb.family}`;
}

/** The name of the chain that balances in this way. */
export function chainName(lb: LoadBalancing): string {
  const sort = `${lb.external ? 'x' : ''}${lb.frontend === 'nodePort' ? 'np' : ''}${lb.affinity ? 'aff' : 'lb'}`;
  return `${sort}${lb.family}_${lb.protocol}_${lb.endpoints}`;
}

function endpointKey({ family, frontend, protocol }: Pick<LoadBalancing, 'family' | 'frontend' | 'protocol'>): string {
  return frontend === 'nodePort' ? `${protocol} dport` : `${ip(family)} daddr . ${protocol} dport`;
}

/** The rules of the chain that balances in this way. */
export function chainRules(lb: LoadBalancing): string[] {
  const l3 = ip(lb.family);
  const frontend = endpointKey(lb);
  const choose = `dnat ${l3} to ${frontend} . numgen random mod ${lb.endpoints} map @${endpointMap(lb)}`;
  // A client that is not remembered falls through to a fresh choice.
  return lb.affinity ? [`dnat ${l3} to ${l3} saddr . ${key(lb.family)} map @affinity${lb.family}`, choose] : [choose];
}

/** The chain that remembers a client's endpoint for so long. */
export function learnChain(family: Family, protocol: Protocol, timeoutSeconds: number): string {
  return `learn${family}_${protocol}_${timeoutSeconds}`;
}

/** The rules of a chain made by {@link learnChain}: run after destination NAT, for the first packet of a connection. */
export function learnRules(family: Family, protocol: Protocol, timeoutSeconds: number): string[] {
  const l3 = ip(family);
  const client = `ct original ${l3} saddr . ct original ${l3} daddr . meta l4proto . ct original proto-dst`;
  return [
    `meta l4proto ${protocol} update @affinity${family} { ${client} timeout ${timeoutSeconds}s : ${l3} daddr . th dport }`,
  ];
}

/** The affinity map of a family, which survives resyncs because packets fill it. */
export function affinityMap(family: Family): SetSpec {
  const address = addressType(family);
  return {
    name: `affinity${family}`,
    key: `${address} . ${address} . inet_proto . inet_service`,
    data: `${address} . inet_service`,
    flags: ['dynamic', 'timeout'],
    size: 1_000_000,
    timeoutSeconds: 10_800,
  };
}

/** All sets and maps of services in a family, but for {@link affinityMap}. */
export function serviceSets(family: Family): SetSpec[] {
  const l3 = ip(family);
  const address = addressType(family);
  const frontend = `${address} . inet_proto . inet_service`;
  const ports = 'inet_proto . inet_service';
  const endpoints = ([false, true] as const).flatMap((external) =>
    (['address', 'nodePort'] as const).flatMap((by) =>
      protocols.map((protocol): SetSpec => {
        const lb = { family, external, frontend: by, protocol };
        return {
          name: endpointMap(lb),
          key: `${endpointKey(lb)} . ${numberType}`,
          data: `${l3} daddr . ${protocol} dport`,
          byExpression: true,
        };
      }),
    ),
  );
  return [
    { name: `svc${family}`, key: frontend, data: 'verdict' },
    { name: `xsvc${family}`, key: frontend, data: 'verdict' },
    { name: `np${family}`, key: ports, data: 'verdict' },
    { name: `xnp${family}`, key: ports, data: 'verdict' },
    ...endpoints,
    { name: `hostport${family}`, key: ports, data: `${address} . inet_service` },
    { name: `hostport_ip${family}`, key: frontend, data: `${address} . inet_service` },
    { name: `nosvc${family}`, key: frontend, data: 'verdict' },
    { name: `nonp${family}`, key: ports, data: 'verdict' },
    { name: `cluster_ips${family}`, key: address },
    { name: `masq${family}`, key: frontend },
    { name: `masq_np${family}`, key: ports },
    { name: `xmasq${family}`, key: frontend },
    { name: `xmasq_np${family}`, key: ports },
    { name: `hairpin${family}`, key: `${address} . ${address}` },
    { name: `learn${family}`, key: frontend, data: 'verdict' },
    { name: `learn_np${family}`, key: ports, data: 'verdict' },
    { name: `fw${family}`, key: frontend },
    { name: `fw_allowed${family}`, key: `${frontend} . ${address}`, flags: ['interval'] },
  ];
}

const hook = (type: ChainHook['type'], at: ChainHook['hook'], priority: number): ChainHook => ({
  type,
  hook: at,
  priority,
});

interface BaseChain {
  readonly name: string;
  readonly hook?: ChainHook;
  readonly rules: readonly string[];
}

/** The chains that do not depend on the services that exist. */
export function serviceChains(families: readonly Family[], networks: ClusterNetworks): BaseChain[] {
  const each = (rules: (family: Family, l3: string) => string[]) =>
    families.flatMap((family) => rules(family, ip(family)));
  const cidrs = (list: readonly string[], family: Family) =>
    `{ ${list.filter((cidr) => familyOf(cidr) === family).join(', ')} }`;
  const protocolOf = (family: Family) => `meta nfproto ipv${family}`;
  const perFamily: BaseChain[] = families.flatMap((family) => {
    const l3 = ip(family);
    const pods = cidrs(networks.podCidrs, family);
    const serviceAddresses = cidrs(networks.serviceCidrs, family);
    return [
      {
        name: `services${family}`,
        rules: [
          `${l3} daddr ${serviceAddresses} ${l3} saddr != ${pods} meta mark set meta mark or ${masqueradeMark}`,
          `${key(family)} @masq${family} meta mark set meta mark or ${masqueradeMark}`,
          // Policy Local keeps the client's address, but not the node's own, which means nothing to another node.
          `fib saddr type local ${key(family)} @xmasq${family} meta mark set meta mark or ${masqueradeMark}`,
          `${l3} saddr != ${pods} fib saddr type != local ${key(family)} vmap @xsvc${family}`,
          `${key(family)} vmap @svc${family}`,
          `fib daddr type local goto nodeports${family}`,
        ],
      },
      {
        name: `nodeports${family}`,
        rules: [
          `${portKey} @masq_np${family} meta mark set meta mark or ${masqueradeMark}`,
          `fib saddr type local ${portKey} @xmasq_np${family} meta mark set meta mark or ${masqueradeMark}`,
          `${l3} saddr != ${pods} fib saddr type != local ${portKey} vmap @xnp${family}`,
          `${portKey} vmap @np${family}`,
          `dnat ${l3} to ${key(family)} map @hostport_ip${family}`,
          `dnat ${l3} to ${portKey} map @hostport${family}`,
        ],
      },
      {
        name: `unserved${family}`,
        rules: [
          `${key(family)} vmap @nosvc${family}`,
          `fib daddr type local ${portKey} vmap @nonp${family}`,
          `${l3} daddr @cluster_ips${family} goto refuse`,
          `${l3} daddr ${serviceAddresses} drop`,
        ],
      },
    ];
  });
  const unserved = each((family) => [`ct state new ${protocolOf(family)} jump unserved${family}`]);
  const services = each((family) => [`${protocolOf(family)} jump services${family}`]);
  const learn = each((family, l3) =>
    protocols.flatMap((protocol) => [
      `ct state new ct status dnat meta l4proto ${protocol} ct original ${l3} daddr . meta l4proto . ct original proto-dst vmap @learn${family}`,
      `ct state new ct status dnat ${protocolOf(family)} meta l4proto ${protocol} meta l4proto . ct original proto-dst vmap @learn_np${family}`,
    ]),
  );
  return [
    // Not only ICMP, which the kernel sends to one address at most once a second after a short burst.
    { name: 'refuse', rules: ['meta l4proto tcp reject with tcp reset', 'reject'] },
    ...perFamily,
    {
      name: 'guard',
      hook: hook('filter', 'prerouting', -110),
      rules: [
        // route_localnet lets answers of pods back to 127.0.0.1; nothing else may reach loopback addresses from outside.
        ...(families.includes(4) ? ['iif != lo ip daddr 127.0.0.0/8 drop'] : []),
        ...each((family, l3) => [
          `ct state new ${key(family)} @fw${family} ${key(family)} . ${l3} saddr != @fw_allowed${family} drop`,
        ]),
      ],
    },
    { name: 'nat_prerouting', hook: hook('nat', 'prerouting', -100), rules: services },
    { name: 'nat_output', hook: hook('nat', 'output', -100), rules: services },
    { name: 'serve_input', hook: hook('filter', 'input', -10), rules: unserved },
    { name: 'serve_forward', hook: hook('filter', 'forward', -10), rules: unserved },
    { name: 'serve_output', hook: hook('filter', 'output', -10), rules: unserved },
    { name: 'learn', hook: hook('filter', 'postrouting', -150), rules: learn },
    {
      name: 'nat_postrouting',
      hook: hook('nat', 'postrouting', 100),
      rules: [
        `meta mark & ${masqueradeMark} == ${masqueradeMark} ct status dnat masquerade fully-random`,
        ...each((family, l3) => [
          `ct status dnat ${l3} saddr . ${l3} daddr @hairpin${family} masquerade fully-random`,
          `${l3} saddr ${cidrs(networks.podCidrs, family)} ${l3} daddr != ${cidrs(networks.podCidrs, family)} fib daddr type != multicast masquerade fully-random`,
        ]),
      ],
    },
  ];
}

/** Adds the sets and fixed chains to a transaction and empties what an earlier run left, except remembered clients. */
export function writeServiceTable(
  transaction: Transaction,
  families: readonly Family[],
  networks: ClusterNetworks,
): void {
  transaction.addTable();
  for (const family of families) {
    transaction.addSet(affinityMap(family));
    for (const set of serviceSets(family)) transaction.addSet(set);
  }
  const chains = serviceChains(families, networks);
  for (const chain of chains) transaction.addChain(chain.name, chain.hook);
  for (const chain of chains) transaction.setChain(chain.name, chain.rules, chain.hook);
  for (const family of families) for (const set of serviceSets(family)) transaction.flushSet(set);
}
