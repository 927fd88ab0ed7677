/** Taking a cluster's network off the machine: everything that preparePodNetwork, the CNI plugins and the proxy made. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNftRunner, NftError, type NftRunner, programRunner, type RunProgram } from '../../nft/nft-runner.ts';
import { clusterTable, Transaction } from '../../nft/transaction.ts';
import { policyTable } from '../policies/policy-table.ts';
import { contains, parseCidr } from './cidr.ts';
import { closeForwarding } from './forwarding.ts';
import { ipamDirectory, networkDevice, runIp } from './pod-network.ts';

export interface CleanUpOptions {
  readonly dataDir: string;
  readonly cniConfDir?: string;
  readonly clusterName: string;
  readonly run?: RunProgram;
  readonly nft?: NftRunner;
  readonly writeSetting?: (path: string, value: string) => Promise<void>;
}

interface Link {
  readonly ifname: string;
  readonly link_netnsid?: number;
  readonly addr_info: readonly { readonly family: string; readonly local?: string; readonly scope?: string }[];
}

/**
 * Removes device, veths, leftover pod network namespaces, routes, nft tables, the CNI configuration and the addresses in
 * use. What is not there is no error, so it can be repeated; what cannot be removed is reported in the result, one line
 * each, and does not stop the rest. Call it after the pods are stopped.
 */
export async function cleanUpNetwork(options: CleanUpOptions): Promise<string[]> {
  const run = options.run ?? programRunner();
  const nft = options.nft ?? createNftRunner({ run });
  const problems: string[] = [];
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      problems.push(`${what}: ${(error as Error).message}`);
    }
  };
  const device = networkDevice(options.clusterName);
  await attempt('devices and routes', async () => {
    const links = JSON.parse((await runIp(run, ['-j', 'address', 'show'])).stdout || '[]') as Link[];
    const own = links.find((link) => link.ifname === device);
    const gateways = new Set(addressesOf(own));
    const pods = links.filter((link) => /^veth/.test(link.ifname) && addressesOf(link).some((a) => gateways.has(a)));
    for (const namespace of await namespacesOf(run, pods)) await runIp(run, ['netns', 'delete', namespace]);
    // A namespace takes its veth pair with it; what is still there belonged to one without a name.
    for (const pod of pods) await runIp(run, ['link', 'delete', pod.ifname]);
    if (own) await removeUnreachable(run, [...gateways]);
    if (own) await runIp(run, ['link', 'delete', device]);
    if (!links.some((link) => link.ifname !== device && /^tm-/.test(link.ifname))) {
      const writeSetting = options.writeSetting ?? ((path, value) => writeFile(`/proc/sys/${path}`, value));
      await writeSetting('net/ipv4/conf/default/route_localnet', '0');
      await writeSetting('net/ipv4/conf/all/send_redirects', '1');
      await writeSetting('net/ipv4/conf/default/send_redirects', '1');
    }
  });
  await attempt('firewall rules', () => closeForwarding({ run, nft, clusterName: options.clusterName }));
  for (const table of [clusterTable(options.clusterName), policyTable(options.clusterName)]) {
    await attempt(`nft table ${table.name}`, async () => {
      try {
        await nft.apply(new Transaction(table).deleteTable().toString());
      } catch (error) {
        if (!(error instanceof NftError && error.code === 'missing')) throw error;
      }
    });
  }
  const confDir = options.cniConfDir ?? join(options.dataDir, 'cni');
  await attempt('CNI configuration', async () => {
    const file = join(confDir, '10-timonel.conflist');
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text?.includes(`"timonel-${options.clusterName}"`)) await rm(file, { force: true });
  });
  await attempt('addresses in use', () => rm(ipamDirectory(options.dataDir), { recursive: true, force: true }));
  return problems;
}

function addressesOf(link: Link | undefined): string[] {
  return (link?.addr_info ?? []).flatMap((info) => (info.scope === 'global' && info.local ? [info.local] : []));
}

/** The named network namespaces, made by the runtime, at the other end of veths. */
async function namespacesOf(run: RunProgram, links: readonly Link[]): Promise<string[]> {
  const ids = new Set(links.flatMap((link) => (link.link_netnsid === undefined ? [] : [link.link_netnsid])));
  if (ids.size === 0) return [];
  const { stdout } = await runIp(run, ['-j', 'netns', 'list']);
  return (JSON.parse(stdout || '[]') as { name: string; id?: number }[])
    .filter(({ name, id }) => name.startsWith('cni-') && id !== undefined && ids.has(id))
    .map(({ name }) => name);
}

/** The unreachable routes that cover the gateways: those to pods of nodes that are not there. */
async function removeUnreachable(run: RunProgram, gateways: readonly string[]): Promise<void> {
  for (const family of ['-4', '-6']) {
    const { stdout } = await runIp(run, ['-j', family, 'route', 'show', 'type', 'unreachable']);
    for (const route of JSON.parse(stdout || '[]') as { dst: string; metric?: number }[]) {
      const cidr = parseCidr(route.dst);
      if (!cidr || cidr.prefix === 0 || !gateways.some((gateway) => contains(cidr, gateway))) continue;
      if (route.metric === 4096)
        await runIp(run, [family, 'route', 'delete', 'unreachable', route.dst, 'metric', '4096']);
    }
  }
}
