/** Choosing networks for a new cluster that nothing on the machine uses yet. */
import { programRunner, type RunProgram } from '../../nft/nft-runner.ts';
import { type Cidr, formatCidr, overlap, parseCidr } from './cidr.ts';

/** The networks of a cluster. */
export interface ClusterCidrs {
  readonly podCidr: string;
  readonly serviceCidr: string;
}

const sixteen = (second: number) => parseCidr(`10.${second}.0.0/16`)!;
/** Upstream's customary networks first, then their neighbours, then the range for carriers. */
const podCandidates = [
  ...Array.from({ length: 11 }, (_, at) => sixteen(244 + at)),
  ...Array.from({ length: 40 }, (_, at) => sixteen(200 + at)),
  ...Array.from({ length: 32 }, (_, at) => parseCidr(`100.${64 + at}.0.0/16`)!),
];
const serviceCandidates = [
  ...Array.from({ length: 64 }, (_, at) => sixteen(96 + at)),
  ...Array.from({ length: 32 }, (_, at) => parseCidr(`100.${96 + at}.0.0/16`)!),
];

/** Every network that the machine has a route or an address for, the default routes aside. */
export async function usedCidrs(run: RunProgram = programRunner()): Promise<Cidr[]> {
  const used: Cidr[] = [];
  for (const args of [
    ['-j', '-4', 'route', 'show', 'table', 'all'],
    ['-j', '-6', 'route', 'show', 'table', 'all'],
  ]) {
    const { code, stdout } = await run('ip', args);
    if (code !== 0 || stdout.trim() === '') continue;
    for (const route of JSON.parse(stdout) as { dst?: string; type?: string }[]) {
      const cidr = route.dst === undefined || route.dst === 'default' ? undefined : parseCidr(route.dst);
      if (cidr && cidr.prefix > 0) used.push(cidr);
    }
  }
  return used;
}

/**
 * Networks for pods and services that collide with no route, no address and none of `avoid` (networks of clusters that
 * are down). Where something as wide as a VPN's 10.0.0.0/8 covers all candidates, its route is ignored: ours are more
 * specific and win. Throws where even then none is free.
 */
export async function pickCidrs(options: { avoid?: readonly string[]; run?: RunProgram } = {}): Promise<ClusterCidrs> {
  const used = await usedCidrs(options.run);
  const avoid = (options.avoid ?? []).flatMap((text) => parseCidr(text) ?? []);
  const pick = (candidates: readonly Cidr[], what: string, others: readonly Cidr[]) => {
    const free = (taken: readonly Cidr[]) =>
      candidates.find((candidate) => ![...taken, ...avoid, ...others].some((cidr) => overlap(cidr, candidate)));
    const found = free(used) ?? free(used.filter((cidr) => cidr.prefix > 12));
    if (!found)
      throw new Error(`no free network for ${what} was found among the machine's routes: give one with --${what}-cidr`);
    return found;
  };
  const pods = pick(podCandidates, 'pod', []);
  const services = pick(serviceCandidates, 'service', [pods]);
  return { podCidr: formatCidr(pods), serviceCidr: formatCidr(services) };
}
