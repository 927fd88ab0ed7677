import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeLeftFolders } from './owned-names.ts';
import { wait } from './until.ts';

/** Whether the machine has etcd; its Debian package is `etcd-server`. */
export const hasEtcd = spawnSync('etcd', ['--version']).status === 0;

/** A real etcd cluster on loopback ports that nobody else uses, for one test file. */
export interface EtcdCluster {
  readonly endpoints: readonly string[];
  /** Index of the member that leads now. */
  leader(): Promise<number>;
  /** SIGKILL. */
  kill(member: number): Promise<void>;
  start(member: number): void;
  /** SIGSTOP and SIGCONT: a member that is there and answers nothing, as in a partition. */
  pause(member: number): void;
  resume(member: number): void;
  /** Waits until a write goes through at a member. */
  ready(member?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Ports that nobody listens on, below those that the kernel gives out by itself: members come back to theirs. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 30_000);
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer().once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) ports.add(port);
  }
  return [...ports];
}

const folderPrefix = 'timonel-etcd-';
/** Makes a program end with the process that started it, however that ends; of Debian's package util-linux. */
const dieWithParent = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;

export interface EtcdTlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Puts members into network namespaces of their own, with ways to them that a test can cut. */
export interface EtcdNetwork {
  netns(member: number): string;
  /** The address that clients use; the member listens on all it has. */
  address(member: number): string;
  /** The address that other members use. */
  peerAddress(member: number): string;
}

export interface EtcdOptions {
  readonly tls?: EtcdTlsFiles;
  readonly network?: EtcdNetwork;
  /** How long the others wait for a silent leader; long when absent, so that a slow machine has one leader all the time. */
  readonly electionTimeoutMs?: number;
  /** How large the database may become; etcd's own limit when absent. */
  readonly quotaBytes?: number;
}

/** Starts an etcd cluster and waits until it takes writes. */
export async function startEtcd(size: number, options: EtcdOptions = {}): Promise<EtcdCluster> {
  const { network, electionTimeoutMs = 3000 } = options;
  removeLeftFolders(folderPrefix);
  const root = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const ports = network ? [] : await freePorts(size * 2);
  const scheme = options.tls ? 'https' : 'http';
  const clientUrl = (member: number) =>
    network ? `${scheme}://${network.address(member)}:2379` : `${scheme}://127.0.0.1:${ports[member]}`;
  const peerUrl = (member: number) =>
    network ? `http://${network.peerAddress(member)}:2380` : `http://127.0.0.1:${ports[size + member]}`;
  const members: (ChildProcess | undefined)[] = [];
  const ctl = (member: number, ...args: string[]) =>
    new Promise<{ ok: boolean; out: string }>((resolve) => {
      const tls = options.tls;
      const flags = tls ? ['--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key] : [];
      const child = spawn('etcdctl', ['--endpoints', clientUrl(member), ...flags, '--dial-timeout=2s', ...args], {
        env: { ...process.env, ETCDCTL_API: '3' },
      });
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += chunk;
      });
      child.on('close', (code) => resolve({ ok: code === 0, out }));
    });
  const start = (member: number) => {
    const { tls } = options;
    // `env` only runs what follows: each of these becomes the next, so that the child is etcd itself in the end.
    members[member] = spawn(
      'env',
      [
        ...(dieWithParent ? ['setpriv', '--pdeathsig', 'KILL'] : []),
        ...(network ? ['ip', 'netns', 'exec', network.netns(member)] : []),
        'etcd',
        `--name=m${member}`,
        `--data-dir=${join(root, `m${member}`)}`,
        `--listen-client-urls=${network ? `${scheme}://0.0.0.0:2379` : clientUrl(member)}`,
        `--advertise-client-urls=${clientUrl(member)}`,
        `--listen-peer-urls=${peerUrl(member)}`,
        `--initial-advertise-peer-urls=${peerUrl(member)}`,
        `--initial-cluster=${Array.from({ length: size }, (_, i) => `m${i}=${peerUrl(i)}`).join()}`,
        `--heartbeat-interval=${electionTimeoutMs / 10}`,
        `--election-timeout=${electionTimeoutMs}`,
        '--log-level=error',
        ...(options.quotaBytes ? [`--quota-backend-bytes=${options.quotaBytes}`] : []),
        ...(tls
          ? [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`, `--trusted-ca-file=${tls.ca}`, '--client-cert-auth']
          : []),
      ],
      { stdio: 'ignore' },
    );
  };
  for (let member = 0; member < size; member++) start(member);
  const cluster: EtcdCluster = {
    endpoints: Array.from({ length: size }, (_, member) => clientUrl(member)),
    async leader() {
      for (;;) {
        for (let member = 0; member < size; member++) {
          const { ok, out } = await ctl(member, 'endpoint', 'status', '-w', 'json');
          if (!ok) continue;
          const [{ Status }] = JSON.parse(out) as [{ Status: { header: { member_id: number }; leader: number } }];
          if (Status.leader !== 0 && Status.header.member_id === Status.leader) return member;
        }
        await wait(100);
      }
    },
    async kill(member) {
      const child = members[member];
      members[member] = undefined;
      if (!child || child.exitCode !== null) return;
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
    },
    start,
    pause: (member) => void members[member]?.kill('SIGSTOP'),
    resume: (member) => void members[member]?.kill('SIGCONT'),
    async ready(member = 0) {
      while (!(await ctl(member, 'put', 'ready', 'yes')).ok) {
        if (members[member]?.exitCode) throw new Error(`member ${member} ended with ${members[member].exitCode}`);
        await wait(50);
      }
    },
    async stop() {
      for (let member = 0; member < size; member++) await cluster.kill(member);
      rmSync(root, { recursive: true, force: true });
    },
  };
  await cluster.ready(0);
  return cluster;
}
