/** Letting pods' packets through a firewall that drops what is forwarded, as Docker and ufw set up. */
import { readFile } from 'node:fs/promises';
import { createNftRunner, type NftRunner, type RunProgram } from '../../nft/nft-runner.ts';
import { type Cidr, formatCidr } from './cidr.ts';

interface Firewall {
  readonly run: RunProgram;
  readonly nft?: NftRunner;
  readonly clusterName: string;
}

const commentOf = (clusterName: string) => `timonel-${clusterName}`;

/**
 * Adds two rules per network to the FORWARD chain of iptables, where that chain has rules or a policy other than ACCEPT.
 * A verdict to accept in our own table would not help: any table's drop is final. On machines without such a firewall
 * nothing is touched.
 */
export async function openForwarding(firewall: Firewall, cidrs: readonly Cidr[]): Promise<void> {
  for (const [program, family] of programs) {
    const networks = cidrs.filter((cidr) => cidr.family === family);
    if (networks.length === 0 || !(await hasForwardChain(firewall, family))) continue;
    const rules = await listForward(firewall.run, program);
    if (!rules.some((rule) => rule !== '-P FORWARD ACCEPT')) continue;
    for (const network of networks) {
      for (const side of ['-s', '-d']) {
        const rule = [
          'FORWARD',
          side,
          formatCidr(network),
          '-m',
          'comment',
          '--comment',
          commentOf(firewall.clusterName),
          '-j',
          'ACCEPT',
        ];
        const there = await firewall.run(program, ['-w', '-C', ...rule]);
        if (there.code !== 0) await firewall.run(program, ['-w', '-I', ...rule]);
      }
    }
  }
}

/** Removes the rules of a cluster again. */
export async function closeForwarding(firewall: Firewall): Promise<void> {
  for (const [program, family] of programs) {
    if (!(await hasForwardChain(firewall, family))) continue;
    for (const rule of await listForward(firewall.run, program)) {
      const words = rule.split(' ').map((word) => word.replace(/^"|"$/g, ''));
      if (words[0] !== '-A' || words[words.indexOf('--comment') + 1] !== commentOf(firewall.clusterName)) continue;
      await firewall.run(program, ['-w', '-D', ...words.slice(1)]);
    }
  }
}

const programs = [
  ['iptables', 4],
  ['ip6tables', 6],
] as const;

/** Whether iptables has a FORWARD chain: asking iptables itself would make one. */
async function hasForwardChain({ run, nft = createNftRunner({ run }) }: Firewall, family: 4 | 6): Promise<boolean> {
  const table = family === 4 ? 'ip' : 'ip6';
  const listed = await nft.list(['list', 'chain', table, 'filter', 'FORWARD']).catch(() => []);
  if (listed.length > 0) return true;
  const legacy = await readFile(`/proc/net/${table}_tables_names`, 'utf8').catch(() => '');
  return legacy.split('\n').includes('filter');
}

async function listForward(run: RunProgram, program: string): Promise<string[]> {
  try {
    const { code, stdout } = await run(program, ['-w', '-S', 'FORWARD']);
    return code === 0 ? stdout.split('\n').filter((line) => line !== '') : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
