/** The node's lease: the cheap sign of life that the node lifecycle controller looks for. */
import { Lease } from '../../api/coordination/lease.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import { type Clock, formatMicroTime } from '../../base/clock.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { Client } from '../../client/client.ts';

export const leaseNamespace = 'kube-node-lease';
export const leaseDurationSeconds = 40;
export const leaseRenewMs = 10_000;

/** Renews a node's lease, making it when it is not there. Keeps the last one, so that a renewal is one request. */
export class NodeLease {
  #lease: Shared<Lease> | undefined;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #node: { readonly name: string; readonly uid: () => string | undefined };

  constructor(
    env: { client: Client; clock: Clock },
    node: { readonly name: string; readonly uid: () => string | undefined },
  ) {
    this.#client = env.client;
    this.#clock = env.clock;
    this.#node = node;
  }

  async renew(): Promise<void> {
    const { name } = this.#node;
    for (let tries = 0; tries < 3; tries++) {
      const renewTime = formatMicroTime(this.#clock.now());
      try {
        this.#lease ??= await this.#client.find(Lease, { namespace: leaseNamespace, name });
        if (!this.#lease) {
          const uid = this.#node.uid();
          this.#lease = await this.#client.create(Lease, {
            metadata: {
              name,
              namespace: leaseNamespace,
              ...(uid ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] } : {}),
            },
            spec: { holderIdentity: name, leaseDurationSeconds, renewTime },
          });
          return;
        }
        const next = mutableCopy(this.#lease) as Lease;
        next.spec = { ...next.spec, holderIdentity: name, leaseDurationSeconds, renewTime };
        this.#lease = await this.#client.update(Lease, next as Shared<Lease>);
        return;
      } catch (error) {
        this.#lease = undefined;
        if (!isConflict(error) && !isNotFound(error) && (error as { reason?: string }).reason !== 'AlreadyExists')
          throw error;
      }
    }
  }
}
