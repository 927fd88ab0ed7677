/** The distribution's packages that real nodes need: found, and on Debian and Ubuntu installed. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UserError } from './config.ts';

export interface SystemPackage {
  /** Debian's and Ubuntu's name. */
  readonly name: string;
  /** Programs or files; the package is there when the first one found is. */
  readonly provides: readonly string[];
}

/** What a node with real containers needs. */
export const nodePackages: readonly SystemPackage[] = [
  { name: 'containerd', provides: ['containerd'] },
  { name: 'runc', provides: ['runc'] },
  { name: 'containernetworking-plugins', provides: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'] },
  { name: 'nftables', provides: ['nft'] },
  { name: 'iproute2', provides: ['ip'] },
  { name: 'conntrack', provides: ['conntrack'] },
  { name: 'iptables', provides: ['iptables'] },
];

/** Where an executable is, looked up on PATH and in the system folders that a user's PATH may lack. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/local/bin',
    '/usr/bin',
  ];
  for (const folder of folders) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return undefined;
}

const isThere = (p: SystemPackage) =>
  p.provides.some((item) => (item.startsWith('/') ? existsSync(item) : findProgram(item) !== undefined));

/** The packages that are not installed. */
export function missingPackages(packages: readonly SystemPackage[]): SystemPackage[] {
  return packages.filter((p) => !isThere(p));
}

function usesApt(): boolean {
  return findProgram('apt-get') !== undefined && existsSync('/etc/debian_version');
}

/**
 * Installs what is missing, after `announce` has said so. Throws a UserError that names exactly what to install where
 * that is impossible.
 */
export function installPackages(packages: readonly SystemPackage[], announce: (message: string) => void): void {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  const names = missing.map((p) => p.name).join(' ');
  if (!usesApt())
    throw new UserError(
      `real containers need ${names}; install these with your distribution's package manager, or use --runtime sim`,
    );
  if (process.getuid?.() !== 0)
    throw new UserError(`real containers need ${names}; run "sudo apt-get install ${names}", or use --runtime sim`);
  announce(`Installing ${names} with apt-get`);
  const apt = (...args: string[]) =>
    spawnSync('apt-get', args, {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const install = () => apt('install', '-y', '--no-install-recommends', ...missing.map((p) => p.name));
  // The lists of a fresh machine are empty or old: only then is an update worth its time.
  let result = install();
  if (result.status !== 0) {
    apt('update');
    result = install();
  }
  const still = missingPackages(missing);
  if (result.status !== 0 || still.length > 0) {
    const why =
      `${result.stderr}`
        .trim()
        .split('\n')
        .findLast((line) => line.startsWith('E:')) ?? `exit code ${result.status}`;
    throw new UserError(`apt-get could not install ${names} (${why}); install them by hand, or use --runtime sim`);
  }
}

/** Name of the operating system as /etc/os-release has it, for status and doctor. */
export function osName(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1] ?? 'Linux';
  } catch {
    return process.platform;
  }
}
