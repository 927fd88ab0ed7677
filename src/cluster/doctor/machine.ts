/** What the machine must have for a cluster, whether there is one or not. */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { hasCapability, readCgroupLayout } from '../../cri/machine.ts';
import type { ClusterConfig } from '../config.ts';
import { missingPackages, nodePackages, osName } from '../packages.ts';
import { type Finding, Findings, sizeText } from './finding.ts';

const mebi = 1024 * 1024;
/** Upstream's kubelet evicts pods below a tenth of the disk and a twentieth of the inodes. */
const disk = { warnShare: 0.1, brokenBytes: 100 * mebi } as const;
const inodeWarnShare = 0.05;
const neededControllers = ['cpu', 'memory', 'pids'];
/** No machine's clock can be right before this program was written: 2025-01-01. */
const earliestNow = 1_735_689_600_000;

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/** Looks at the machine; without a cluster for what `timonel up` would need. `folder` is where the data is or would be. */
export function examineMachine(options: {
  readonly config: ClusterConfig | undefined;
  readonly folder: string;
  readonly now: number;
}): Finding[] {
  const { config, folder, now } = options;
  const found = new Findings('machine');
  found.ok('system', `${osName()}, kernel ${release()}, Node.js ${process.versions.node}`);
  const real = config ? config.runtime === 'cri' : process.platform === 'linux' && process.getuid?.() === 0;
  if (real) examineContainerNeeds(found, config);
  else
    found.ok(
      'containers',
      config ? 'nodes are simulated: nothing is needed for them' : 'not root on Linux: "timonel up" simulates nodes',
    );
  examineDisk(found, folder);
  if (now < earliestNow)
    found.broken(
      'clock',
      `the clock says ${new Date(now).toISOString()}`,
      'set the time (timedatectl set-ntp true): certificates are not valid yet by this clock',
    );
  else found.ok('clock', new Date(now).toISOString());
  return found.list;
}

function examineContainerNeeds(found: Findings, config: ClusterConfig | undefined): void {
  const worse = config ? found.broken.bind(found) : found.warn.bind(found);
  const layout = readCgroupLayout();
  const controllers =
    layout.version === 'v1'
      ? [...layout.mounts.keys()]
      : (read(`${layout.mounts.get('memory')}/cgroup.controllers`) ?? '').trim().split(' ');
  const lacking = neededControllers.filter((name) => !controllers.includes(name));
  if (lacking.length)
    found.warn(
      'cgroups',
      `${layout.version} without ${lacking.join(', ')}: limits of these are not enforced`,
      'enable the controllers in /sys/fs/cgroup/cgroup.subtree_control or on the kernel command line (cgroup_enable=memory)',
    );
  else if (layout.version === 'v1')
    found.warn(
      'cgroups',
      `v1 with ${controllers.join(', ')}; upstream gives v1 up`,
      'boot with systemd.unified_cgroup_hierarchy=1, or move to a distribution with cgroup v2',
    );
  else found.ok('cgroups', `v2 with ${controllers.join(', ')}`);
  if (hasCapability('CAP_SYS_RESOURCE')) found.ok('capabilities', 'CAP_SYS_RESOURCE is there');
  else
    found.warn(
      'capabilities',
      'CAP_SYS_RESOURCE is missing: OOM scores of pods cannot be lowered, so priorities under memory pressure differ',
      'run Timonel with CAP_SYS_RESOURCE (in a container: --cap-add SYS_RESOURCE)',
    );
  const own = config?.criEndpoint ? ['containerd', 'runc'] : [];
  const missing = missingPackages(nodePackages.filter((p) => !own.includes(p.name))).map((p) => p.name);
  if (missing.length)
    worse('programs', `missing: ${missing.join(', ')}`, `install them (apt-get install ${missing.join(' ')})`);
  else found.ok('programs', nodePackages.map((p) => p.name).join(', '));
  const forward = read('/proc/sys/net/ipv4/ip_forward')?.trim();
  if (forward === '1') found.ok('ip forwarding', 'on');
  else if (config)
    found.broken(
      'ip forwarding',
      'net.ipv4.ip_forward is 0: pods reach nothing beyond their node',
      'sysctl -w net.ipv4.ip_forward=1, and see what turned it off',
    );
  else found.ok('ip forwarding', 'off; "timonel up" turns it on');
}

function examineDisk(found: Findings, folder: string): void {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, blocks, bsize, ffree, files } = statfsSync(existing);
  const freeBytes = bavail * bsize;
  const text = `${sizeText(freeBytes)} free of ${sizeText(blocks * bsize)} at ${existing}`;
  const advice = 'free some, or keep the data elsewhere with --data-dir';
  if (freeBytes < disk.brokenBytes) found.broken('disk', text, advice);
  else if (bavail < blocks * disk.warnShare) found.warn('disk', `${text}: nodes soon report disk pressure`, advice);
  else found.ok('disk', text);
  // File systems that make inodes as they go report none.
  if (files === 0) return;
  const inodes = `${ffree} of ${files} inodes free at ${existing}`;
  if (ffree < files * inodeWarnShare)
    (ffree === 0 ? found.broken : found.warn).call(found, 'inodes', inodes, 'remove small files that are not needed');
  else found.ok('inodes', inodes);
}
