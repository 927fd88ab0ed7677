/** A small network of namespaces to try packets in: a node, its pods, and a client outside. Needs root. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createNftRunner, type NftRunner, programRunner, type RunProgram } from '../../src/nft/nft-runner.ts';
import { leftovers } from '../store/owned-names.ts';

const namePrefix = 'tmt';

const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
let labs = 0;

/** The node's network is 10.244.0.0/24 (fd44::/64) for pods, 10.96.0.0/16 (fd96::/112) for services; outside is 192.168.77.0/24. */
export class NetLab {
  /** Begins with the process's id: {@link NetLab.start} removes what ended processes left. */
  readonly name = `${namePrefix}${process.pid}n${labs++}`;
  readonly node: string;
  readonly outside: string;
  readonly run: RunProgram;
  readonly nft: NftRunner;
  readonly nodeIp = '192.168.77.1';
  readonly outsideIp = '192.168.77.2';
  readonly #namespaces: string[] = [];
  readonly #servers: ChildProcess[] = [];
  #veths = 0;

  constructor() {
    this.node = `${this.name}-node`;
    this.outside = `${this.name}-out`;
    const inside = programRunner({ netns: this.node });
    const host = programRunner();
    // `ip -n` enters the network only; `ip netns exec` would hide other namespaces' names behind a mount namespace.
    this.run = (command, args, input) =>
      command === 'ip' ? host('ip', ['-n', this.node, ...args]) : inside(command, args, input);
    this.nft = createNftRunner({ run: this.run });
  }

  async start(): Promise<void> {
    for (const name of leftovers(await namespaces(), namePrefix))
      await programRunner()('ip', ['netns', 'delete', name]);
    await this.#namespace(this.node);
    await this.#namespace(this.outside);
    const host = programRunner();
    await must(
      host,
      'ip',
      'link',
      'add',
      `${this.name}o`,
      'netns',
      this.node,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      this.outside,
    );
    await this.ip(this.node, 'address', 'add', `${this.nodeIp}/24`, 'dev', `${this.name}o`);
    await this.ip(this.node, 'link', 'set', `${this.name}o`, 'up');
    await this.ip(this.outside, 'address', 'add', `${this.outsideIp}/24`, 'dev', 'eth0');
    await this.ip(this.outside, 'link', 'set', 'eth0', 'up');
  }

  /** Writes a kernel setting of the node's namespace. */
  readonly writeSetting = async (path: string, value: string): Promise<void> => {
    await must(this.run, 'sh', '-c', `echo ${value} > /proc/sys/${path}`);
  };

  async #namespace(name: string): Promise<void> {
    await must(programRunner(), 'ip', 'netns', 'add', name);
    this.#namespaces.push(name);
    await this.ip(name, 'link', 'set', 'lo', 'up');
  }

  async ip(netns: string, ...args: string[]): Promise<string> {
    return must(programRunner(), 'ip', '-n', netns, ...args);
  }

  /** A pod as the ptp plugin connects it, with an echo server on its ports. Resolves with its namespace. */
  async pod(name: string, addresses: string | string[], ports: number[] = [8080]): Promise<string> {
    const netns = `${this.name}-${name}`;
    await this.#namespace(netns);
    const veth = `veth${this.name.slice(-4)}${this.#veths++}`;
    await must(
      programRunner(),
      'ip',
      'link',
      'add',
      veth,
      'netns',
      this.node,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      netns,
    );
    await this.ip(this.node, 'link', 'set', veth, 'up');
    await this.ip(netns, 'link', 'set', 'eth0', 'up');
    for (const address of [addresses].flat()) {
      const [family, gateway, bits] = address.includes(':') ? ['-6', 'fd44::1', 128] : ['-4', '10.244.0.1', 32];
      const nodad = family === '-6' ? ['nodad'] : [];
      await this.ip(this.node, family as string, 'address', 'add', `${gateway}/${bits}`, 'dev', veth, ...nodad);
      await this.ip(this.node, family as string, 'route', 'add', `${address}/${bits}`, 'dev', veth);
      await this.ip(netns, family as string, 'address', 'add', `${address}/${bits}`, 'dev', 'eth0', ...nodad);
      await this.ip(netns, family as string, 'route', 'add', `${gateway}`, 'dev', 'eth0');
      await this.ip(netns, family as string, 'route', 'add', 'default', 'via', `${gateway}`, 'dev', 'eth0');
    }
    if (ports.length > 0) await this.serve(netns, name, ports);
    return netns;
  }

  /** Starts an echo server in a namespace. */
  async serve(netns: string, name: string, ports: number[]): Promise<ChildProcess> {
    const child = spawn(
      'ip',
      ['netns', 'exec', netns, process.execPath, fixture('echo-server.mjs'), name, ...ports.map(String)],
      {
        // Its input ends with this process, and it with its input.
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    this.#servers.push(child);
    await new Promise<void>((resolve, reject) => {
      child.stdout!.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the echo server ${name} ended with ${code}`)));
    });
    return child;
  }

  /** Answers of `count` dials from a namespace. */
  async dial(
    netns: string,
    target: string,
    options: { protocol?: 'tcp' | 'udp'; count?: number; sourcePort?: number } = {},
  ): Promise<string[]> {
    const at = target.lastIndexOf(':');
    const host = target.slice(0, at).replace(/^\[|\]$/g, '');
    const args = [options.protocol ?? 'tcp', host, target.slice(at + 1), String(options.count ?? 1)];
    if (options.sourcePort) args.push(String(options.sourcePort));
    const run = programRunner({ netns });
    return JSON.parse(await must(run, process.execPath, fixture('dial.mjs'), ...args)) as string[];
  }

  /** Ends servers and removes all namespaces, with the links and rules in them. */
  async close(): Promise<void> {
    for (const server of this.#servers) server.kill('SIGKILL');
    for (const name of this.#namespaces.reverse()) await programRunner()('ip', ['netns', 'delete', name]);
  }
}

async function namespaces(): Promise<string[]> {
  const list = await must(programRunner(), 'ip', 'netns', 'list');
  return list.split('\n').map((line) => line.split(' ')[0]!);
}

async function must(run: RunProgram, command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Why packets cannot be tried on this machine, or undefined. */
export function missingForPackets(): string | undefined {
  if (process.getuid?.() !== 0) return 'packet tests need root';
  return undefined;
}
