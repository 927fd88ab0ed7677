/** Forgetting tracked UDP flows that would keep going to an endpoint that is gone, as there is no connection to end. */
import type { Logger } from '../../base/log.ts';
import type { RunProgram } from '../../nft/nft-runner.ts';
import { familyOf } from './ruleset.ts';

/** Frontends by name (`address 10.43.0.10 . udp . 53`, `nodePort udp . 30053`) with their targets (`10.42.0.5 . 53`). */
export type UdpFrontends = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * The arguments of the conntrack calls that forget what must not live on: flows to endpoints that are gone, and flows to a
 * frontend that had no endpoint before and so went astray.
 */
export function staleFlows(before: UdpFrontends, after: UdpFrontends): string[][] {
  const calls = new Map<string, string[]>();
  const forget = (...args: string[]) => calls.set(args.join(' '), args);
  for (const [frontend, targets] of before) {
    for (const target of targets) {
      if (after.get(frontend)?.has(target)) continue;
      const [address, port] = target.split(' . ') as [string, string];
      forget(...deletion(address), '--reply-src', address, '--reply-port-src', port);
    }
  }
  for (const frontend of after.keys()) {
    if (before.has(frontend)) continue;
    const parts = frontend.slice(frontend.indexOf(' ') + 1).split(' . ');
    const port = parts.at(-1)!;
    if (parts.length === 3) forget(...deletion(parts[0]!), '--orig-dst', parts[0]!, '--orig-port-dst', port);
    else forget('-D', '-p', 'udp', '--orig-port-dst', port);
  }
  return [...calls.values()];
}

function deletion(address: string): string[] {
  return ['-D', ...(familyOf(address) === 6 ? ['-f', 'ipv6'] : []), '-p', 'udp'];
}

/** Makes the calls, one after the other. A missing program is reported once. */
export function createFlowCleaner(run: RunProgram, log: Logger): (calls: readonly string[][]) => Promise<void> {
  let missing = false;
  return async (calls) => {
    for (const args of calls) {
      if (missing) return;
      try {
        // Exit code 1 says that there was no such flow.
        await run('conntrack', args);
      } catch (error) {
        missing = true;
        log.warn(
          'conntrack was not found: UDP clients may keep sending to endpoints that are gone; install the package conntrack',
          { error },
        );
      }
    }
  };
}
