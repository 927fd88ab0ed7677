/** The names of a cluster, by the specification "Kubernetes DNS-Based Service Discovery" 1.1.0, with CoreDNS's pod records. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Shared } from '../api/kind.ts';
import type { Service } from '../api/types/core-v1.ts';
import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import { bytesToIp, ipToBytes } from '../base/ip-bytes.ts';
import type { DnsRecord } from './wire.ts';

/** Where records come from. */
export interface RecordSource {
  service(namespace: string, name: string): Shared<Service> | undefined;
  /** Endpoint slices of a service. */
  slices(namespace: string, name: string): readonly Shared<EndpointSlice>[];
  hasNamespace(name: string): boolean;
  /** Services with a cluster IP. */
  servicesAt(address: string): readonly Shared<Service>[];
  /** Slices with an endpoint of this address. */
  slicesAt(address: string): readonly Shared<EndpointSlice>[];
}

/** What a name has, before its records are filtered by type. */
export type Lookup =
  /** The name is not of this cluster: ask upstream. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'found'; readonly records: readonly DnsRecord[]; readonly additional?: readonly DnsRecord[] }
  /** An ExternalName service: an alias, whose target is to be resolved upstream. */
  | { readonly kind: 'alias'; readonly record: DnsRecord & { readonly type: 'CNAME' }; readonly target: string };

/** Seconds that answers may be kept: those of CoreDNS as kubeadm configures it, and its 5 for what does not exist. */
export const ttls = { answer: 30, negative: 5 } as const;

const empty: Lookup = { kind: 'found', records: [] };
const missing: Lookup = { kind: 'missing' };
const specificationVersion = '1.1.0';

/** Names of one cluster domain. */
export class ClusterRecords {
  readonly #domain: string;
  readonly #suffix: string;
  readonly #source: RecordSource;

  /** @param domain without dots at its ends: `cluster.local` */
  constructor(domain: string, source: RecordSource) {
    this.#domain = domain.toLowerCase();
    this.#suffix = `.${this.#domain}`;
    this.#source = source;
  }

  /** The record that says who answers for the domain, and for how long a missing name is missing. */
  soa(serial: number): DnsRecord {
    return {
      name: this.#domain,
      type: 'SOA',
      ttl: ttls.negative,
      target: `ns.dns.${this.#domain}`,
      mailbox: `hostmaster.${this.#domain}`,
      serial,
      minimum: ttls.negative,
    };
  }

  /** Looks a name up; `name` in lower case without a final dot. */
  lookup(name: string): Lookup {
    if (name === this.#domain)
      return { kind: 'found', records: [{ name, type: 'NS', ttl: ttls.answer, target: `ns.dns.${this.#domain}` }] };
    if (name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa')) return this.#reverse(name);
    if (!name.endsWith(this.#suffix)) return { kind: 'foreign' };
    const labels = name.slice(0, -this.#suffix.length).split('.');
    switch (labels.at(-1)) {
      case 'svc':
        return this.#inServices(name, labels.slice(0, -1));
      case 'pod':
        return this.#inPods(name, labels.slice(0, -1));
      case 'dns-version':
        return labels.length === 1
          ? { kind: 'found', records: [{ name, type: 'TXT', ttl: 28_800, text: specificationVersion }] }
          : missing;
      case 'dns':
        return this.#nameServer(name, labels);
      default:
        return missing;
    }
  }

  #nameServer(name: string, labels: readonly string[]): Lookup {
    if (labels.length === 1) return empty;
    if (labels.length !== 2 || labels[0] !== 'ns') return missing;
    const service = this.#source.service('kube-system', 'kube-dns');
    return { kind: 'found', records: addressRecords(name, clusterIPs(service)) };
  }

  #inServices(name: string, labels: readonly string[]): Lookup {
    if (labels.length === 0) return empty;
    const namespace = labels.at(-1)!;
    if (labels.length === 1) return this.#source.hasNamespace(namespace) ? empty : missing;
    const service = this.#source.service(namespace, labels.at(-2)!);
    if (!service) return missing;
    const rest = labels.slice(0, -2);
    const { spec } = service;
    if (spec.type === 'ExternalName') {
      if (rest.length > 0 || !spec.externalName) return missing;
      const target = spec.externalName.replace(/\.$/, '').toLowerCase();
      return { kind: 'alias', record: { name, type: 'CNAME', ttl: ttls.answer, target }, target };
    }
    const base = `${service.metadata.name}.${namespace}.svc${this.#suffix}`;
    if (rest.length === 2 && rest[0]!.startsWith('_') && rest[1]!.startsWith('_'))
      return this.#ports(name, service, { base, port: rest[0]!.slice(1), protocol: rest[1]!.slice(1) });
    const headless = spec.clusterIP === 'None';
    if (rest.length === 0) {
      const addresses = headless ? this.#endpoints(service).map(({ address }) => address) : clusterIPs(service);
      const records = addressRecords(name, [...new Set(addresses)]);
      if (records.length === 0) return missing;
      return { kind: 'found', records: [...records, ...this.#allPorts(name, service, base)] };
    }
    if (rest.length === 1) {
      const named = this.#endpoints(service).filter(({ host }) => host === rest[0]);
      if (named.length === 0) return missing;
      const ports = uniquePorts(named.flatMap((endpoint) => endpoint.ports));
      return {
        kind: 'found',
        records: [
          ...addressRecords(name, [...new Set(named.map(({ address }) => address))]),
          ...ports.map(({ port }) => srv(name, port, `${rest[0]}.${base}`)),
        ],
      };
    }
    return missing;
  }

  /** `_port._protocol.service`: SRV records, with the addresses of their targets. */
  #ports(
    name: string,
    service: Shared<Service>,
    { base, port: portName, protocol }: { base: string; port: string; protocol: string },
  ): Lookup {
    const fits = (port: { name?: string | undefined; protocol?: string | undefined }) =>
      (port.name ?? '') === portName && (port.protocol ?? 'TCP').toLowerCase() === protocol;
    if (service.spec.clusterIP !== 'None') {
      const records = (service.spec.ports ?? []).filter(fits).map((port) => srv(name, port.port, base));
      if (records.length === 0) return missing;
      return { kind: 'found', records, additional: addressRecords(base, clusterIPs(service)) };
    }
    const records: DnsRecord[] = [];
    const additional: DnsRecord[] = [];
    for (const endpoint of this.#endpoints(service)) {
      const target = `${endpoint.host}.${base}`;
      const ports = endpoint.ports.filter(fits);
      for (const { port } of ports) records.push(srv(name, port, target));
      if (ports.length > 0) additional.push(...addressRecords(target, [endpoint.address]));
    }
    return records.length === 0 ? missing : { kind: 'found', records, additional };
  }

  /** The SRV records that the name of a service itself has: all of its ports. */
  #allPorts(name: string, service: Shared<Service>, base: string): DnsRecord[] {
    if (service.spec.clusterIP !== 'None')
      return uniquePorts((service.spec.ports ?? []).map(({ port }) => ({ port }))).map(({ port }) =>
        srv(name, port, base),
      );
    return this.#endpoints(service).flatMap((endpoint) =>
      uniquePorts(endpoint.ports).map(({ port }) => srv(name, port, `${endpoint.host}.${base}`)),
    );
  }

  #endpoints(service: Shared<Service>): HeadlessEndpoint[] {
    return this.#source
      .slices(service.metadata.namespace ?? '', service.metadata.name)
      .flatMap((slice) => readyEndpoints(slice));
  }

  /** `10-244-0-5.namespace.pod`: says the address back, as CoreDNS's `pods insecure` does for namespaces that exist. */
  #inPods(name: string, labels: readonly string[]): Lookup {
    if (labels.length === 0) return empty;
    if (!this.#source.hasNamespace(labels.at(-1)!)) return missing;
    if (labels.length === 1) return empty;
    if (labels.length > 2) return missing;
    const dashed = labels[0]!;
    const address = [dashed.replaceAll('-', '.'), dashed.replaceAll('-', ':')].find(
      (text) => isIPv4(text) || isIPv6(text),
    );
    return address ? { kind: 'found', records: addressRecords(name, [address]) } : missing;
  }

  #reverse(name: string): Lookup {
    const address = reverseAddress(name);
    if (!address) return { kind: 'foreign' };
    const records: DnsRecord[] = [];
    const pointer = (target: string) => records.push({ name, type: 'PTR', ttl: ttls.answer, target });
    for (const { metadata } of this.#source.servicesAt(address))
      pointer(`${metadata.name}.${metadata.namespace}.svc${this.#suffix}`);
    if (records.length === 0) {
      for (const slice of this.#source.slicesAt(address)) {
        const serviceName = slice.metadata.labels?.['kubernetes.io/service-name'] ?? '';
        const service = this.#source.service(slice.metadata.namespace ?? '', serviceName);
        if (service?.spec.clusterIP !== 'None') continue;
        for (const endpoint of readyEndpoints(slice))
          if (endpoint.address === address)
            pointer(`${endpoint.host}.${serviceName}.${slice.metadata.namespace}.svc${this.#suffix}`);
      }
    }
    return records.length > 0 ? { kind: 'found', records } : { kind: 'foreign' };
  }
}

interface HeadlessEndpoint {
  readonly address: string;
  /** Its hostname, or its address with dashes. */
  readonly host: string;
  readonly ports: readonly { readonly name?: string; readonly protocol?: string; readonly port: number }[];
}

function readyEndpoints(slice: Shared<EndpointSlice>): HeadlessEndpoint[] {
  const ports = (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    port === undefined ? [] : [{ port, ...(name ? { name } : {}), ...(protocol ? { protocol } : {}) }],
  );
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    if (endpoint.conditions?.ready === false || slice.addressType === 'FQDN') return [];
    return endpoint.addresses.map((address) => ({
      address,
      host: endpoint.hostname || address.replaceAll(/[.:]/g, '-'),
      ports,
    }));
  });
}

function clusterIPs(service: Shared<Service> | undefined): readonly string[] {
  const { clusterIP, clusterIPs: list } = service?.spec ?? {};
  return list?.length ? list : clusterIP ? [clusterIP] : [];
}

function addressRecords(name: string, addresses: readonly string[]): DnsRecord[] {
  return addresses.flatMap((address): DnsRecord[] =>
    isIPv4(address)
      ? [{ name, type: 'A', ttl: ttls.answer, address }]
      : isIPv6(address)
        ? [{ name, type: 'AAAA', ttl: ttls.answer, address }]
        : [],
  );
}

function srv(name: string, port: number, target: string): DnsRecord {
  return { name, type: 'SRV', ttl: ttls.answer, priority: 0, weight: 100, port, target };
}

function uniquePorts(ports: readonly { readonly port: number }[]): { port: number }[] {
  return [...new Set(ports.map(({ port }) => port))].map((port) => ({ port }));
}

/** The address that a name under in-addr.arpa or ip6.arpa stands for, in canonical form. */
export function reverseAddress(name: string): string | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (v4) {
    const address = v4.slice(1).reverse().join('.');
    return isIPv4(address) ? address : undefined;
  }
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (!v6) return undefined;
  const hex = v6[1]!.split('.').reverse().join('');
  return bytesToIp(ipToBytes(hex.match(/.{4}/g)!.join(':')));
}
