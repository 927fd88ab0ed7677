/** How the parts of the control plane beside the API server are, for those who ask for ComponentStatus. */
import { Lease } from '../api/coordination/lease.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { type Clock, parseTime } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import type { OptionalPart } from './config.ts';

export interface ComponentHealthOptions {
  readonly disable: readonly OptionalPart[];
  /** Whether controllers and scheduler run in this process. */
  isRunning(): boolean;
  readonly client: Client;
  readonly clock: Clock;
  /** What several control planes lead by; without it this process is the only one. */
  readonly lease?: { readonly namespace: string; readonly name: string };
}

/** By the name that ComponentStatus gives a part: what is wrong with it, or undefined. */
export function componentHealth(options: ComponentHealthOptions): Record<string, () => Promise<string | undefined>> {
  const check = (part: OptionalPart) => async () => {
    if (options.disable.includes(part)) return `this control plane runs without ${part}, as its configuration says`;
    if (options.isRunning()) return undefined;
    return options.lease ? leaderProblem(options) : 'not started yet';
  };
  return { scheduler: check('scheduler'), 'controller-manager': check('controllers') };
}

/** What keeps the control plane that leads from being one; undefined when its Lease is fresh. */
async function leaderProblem({ client, clock, lease }: ComponentHealthOptions): Promise<string | undefined> {
  const { namespace, name } = lease!;
  try {
    const { spec } = await client.get(Lease, lease!);
    const { holderIdentity, renewTime, leaseDurationSeconds = 0 } = spec;
    if (!holderIdentity) return `no control plane leads: nobody holds Lease ${namespace}/${name}`;
    const quietMs = renewTime ? clock.now() - parseTime(renewTime) : Number.POSITIVE_INFINITY;
    return quietMs <= leaseDurationSeconds * 1000
      ? undefined
      : `no control plane leads: ${holderIdentity} has not renewed Lease ${namespace}/${name} since ${renewTime}`;
  } catch (error) {
    if (isNotFound(error)) return `no control plane has led yet: there is no Lease ${namespace}/${name}`;
    throw error;
  }
}
