/**
 * The network of a node's pods. Each pod has a veth pair to the host and is routed, not bridged (CNI plugin `ptp`): so
 * packets between two pods of a node pass the host's forward hook, where services and policies see them, with no need of
 * the br_netfilter module. One device per cluster, a bridge without ports, holds the gateway address and the routes.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programRunner, type RunProgram } from '../../nft/nft-runner.ts';
import { type Cidr, formatCidr, nthAddress, parseCidr } from './cidr.ts';
import { openForwarding } from './forwarding.ts';

export interface PodNetworkOptions {
  /** The data directory of the node. */
  readonly dataDir: string;
  /** Where the runtime reads CNI configuration; `<dataDir>/cni` by default. */
  readonly cniConfDir?: string;
  readonly clusterName: string;
  /** The network of this node's pods; two, separated by a comma, for dual stack. */
  readonly podCidr: string;
  /** The network of all nodes' pods; the same as podCidr by default. */
  readonly clusterPodCidr?: string;
  readonly serviceCidr: string;
  /** MTU of the pods' interfaces; that of the default route's device when absent. */
  readonly mtu?: number;
  readonly run?: RunProgram;
  /** Writes a kernel setting; `/proc/sys` by default, in a network namespace for tests. */
  readonly writeSetting?: (path: string, value: string) => Promise<void>;
}

/** What was set up. */
export interface PodNetwork {
  /** The device that holds the gateway addresses. */
  readonly device: string;
  /** The node's address in the pod network, one per family: where pods reach the node, cluster DNS listens here. */
  readonly gateways: readonly string[];
  readonly confFile: string;
  readonly mtu: number;
}

/** Why the pod network could not be set up: what happened, and what to do. */
export class PodNetworkError extends Error {
  override readonly name = 'PodNetworkError';
  readonly code: 'missing-program' | 'invalid-cidr' | 'failed';
  constructor(code: PodNetworkError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The name of a cluster's device, unique on the machine and at most 15 characters, as the kernel wants it. */
export function networkDevice(clusterName: string): string {
  const plain = `tm-${clusterName}`;
  return plain.length <= 15 && /^[A-Za-z0-9-]+$/.test(plain)
    ? plain
    : `tm-${createHash('sha256').update(clusterName).digest('hex').slice(0, 12)}`;
}

/** Where the addresses in use are kept. */
export function ipamDirectory(dataDir: string): string {
  return join(dataDir, 'cni-addresses');
}

/** The CNI configuration of a node: a conflist of version 0.4.0, which every runtime and plugin package knows. */
export function cniConfig(options: {
  clusterName: string;
  podCidrs: readonly Cidr[];
  ipamDir: string;
  mtu: number;
}): object {
  return {
    cniVersion: '0.4.0',
    name: `timonel-${options.clusterName}`,
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        mtu: options.mtu,
        ipam: {
          type: 'host-local',
          dataDir: options.ipamDir,
          ranges: options.podCidrs.map((cidr) => [{ subnet: formatCidr(cidr), gateway: nthAddress(cidr, 1) }]),
          routes: options.podCidrs.map((cidr) => ({ dst: cidr.family === 4 ? '0.0.0.0/0' : '::/0' })),
        },
      },
    ],
  };
}

/** Sets up device, routes, forwarding and the CNI configuration; doing it again changes nothing. */
export async function preparePodNetwork(options: PodNetworkOptions): Promise<PodNetwork> {
  const run = options.run ?? programRunner();
  const podCidrs = parseCidrs(options.podCidr, 'pod');
  const clusterCidrs = parseCidrs(options.clusterPodCidr ?? options.podCidr, 'cluster pod');
  const serviceCidrs = parseCidrs(options.serviceCidr, 'service');
  const device = networkDevice(options.clusterName);
  const ip = async (...args: string[]) => {
    const result = await runIp(run, args);
    if (result.code !== 0)
      throw new PodNetworkError(
        'failed',
        `the pod network could not be set up: ip ${args.join(' ')}: ${result.stderr.trim() || `exit code ${result.code}`}`,
      );
    return result.stdout;
  };

  if ((await runIp(run, ['link', 'show', device])).code !== 0) await ip('link', 'add', device, 'type', 'bridge');
  await ip('link', 'set', device, 'up');
  for (const cidr of podCidrs) {
    const address = `${nthAddress(cidr, 1)}/${cidr.prefix}`;
    await ip(`-${cidr.family}`, 'address', 'replace', address, 'dev', device, ...(cidr.family === 6 ? ['nodad'] : []));
  }
  for (const cidr of clusterCidrs) {
    if (podCidrs.some((own) => formatCidr(own) === formatCidr(cidr))) continue;
    // Pods of nodes that are not there must not be looked for beyond the default route.
    await ip(`-${cidr.family}`, 'route', 'replace', 'unreachable', formatCidr(cidr), 'metric', '4096');
  }
  for (const cidr of serviceCidrs) {
    // A host without a default route could not even try to reach a service address; with this it also has a source for it.
    if (!podCidrs.some((own) => own.family === cidr.family)) continue;
    await ip(`-${cidr.family}`, 'route', 'replace', formatCidr(cidr), 'dev', device);
  }

  const writeSetting = options.writeSetting ?? ((path, value) => writeFile(`/proc/sys/${path}`, value));
  if (podCidrs.some((cidr) => cidr.family === 4)) {
    await writeSetting('net/ipv4/ip_forward', '1');
    // Inherited by the pods' devices: an answer to a connection from 127.0.0.1 to a node port comes in there.
    await writeSetting('net/ipv4/conf/default/route_localnet', '1');
    // A pod that reaches itself through a service leaves by the device it came from: no reason to redirect it. The
    // devices that are there already keep their own setting, which is enough to have redirects on.
    await writeSetting('net/ipv4/conf/all/send_redirects', '0');
    await writeSetting('net/ipv4/conf/default/send_redirects', '0');
  }
  if (podCidrs.some((cidr) => cidr.family === 6)) await writeSetting('net/ipv6/conf/all/forwarding', '1');

  await openForwarding({ run, clusterName: options.clusterName }, clusterCidrs);

  const mtu = options.mtu ?? (await defaultMtu(run));
  const confDir = options.cniConfDir ?? join(options.dataDir, 'cni');
  const ipamDir = ipamDirectory(options.dataDir);
  await mkdir(confDir, { recursive: true });
  await mkdir(ipamDir, { recursive: true });
  const confFile = join(confDir, '10-timonel.conflist');
  const text = `${JSON.stringify(cniConfig({ clusterName: options.clusterName, podCidrs, ipamDir, mtu }), null, 2)}\n`;
  // Runtimes watch the directory and would read a file that is half written.
  if ((await readFile(confFile, 'utf8').catch(() => '')) !== text) {
    await writeFile(join(confDir, '.10-timonel.tmp'), text, { mode: 0o600 });
    await rename(join(confDir, '.10-timonel.tmp'), confFile);
  }
  await chmod(confFile, 0o600);
  return { device, gateways: podCidrs.map((cidr) => nthAddress(cidr, 1)), confFile, mtu };
}

function parseCidrs(text: string, what: string): Cidr[] {
  return text.split(',').map((part) => {
    const cidr = parseCidr(part.trim());
    if (!cidr || cidr.prefix > (cidr.family === 4 ? 30 : 126))
      throw new PodNetworkError(
        'invalid-cidr',
        `the ${what} network ${JSON.stringify(part)} is not a CIDR such as 10.244.0.0/16`,
      );
    return cidr;
  });
}

/** Runs ip; an install hint where it is missing. */
export async function runIp(
  run: RunProgram,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return await run('ip', args);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new PodNetworkError(
      'missing-program',
      'ip was not found, without it pods have no network: install it (Debian, Ubuntu: apt-get install iproute2; Fedora: dnf install iproute)',
    );
  }
}

async function defaultMtu(run: RunProgram): Promise<number> {
  const route = await runIp(run, ['-j', 'route', 'show', 'default']);
  const device = (JSON.parse(route.stdout || '[]') as { dev?: string }[])[0]?.dev;
  if (!device) return 1500;
  const link = await runIp(run, ['-j', 'link', 'show', device]);
  return (JSON.parse(link.stdout || '[]') as { mtu?: number }[])[0]?.mtu ?? 1500;
}
