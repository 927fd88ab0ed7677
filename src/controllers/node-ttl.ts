import { Node } from '../api/core/node.ts';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { defineController } from '../client/reconcile.ts';
import { allow, recordEvents } from './rbac-rules.ts';

const annotation = 'node.alpha.kubernetes.io/ttl';
/** From so many nodes on kubelets may keep secrets and config maps for so many seconds without asking. */
const steps: readonly (readonly [number, number])[] = [
  [2000, 300],
  [1000, 60],
  [500, 30],
  [100, 15],
  [0, 0],
];

/** Tells kubelets how long they may keep what they read, which depends on the size of the cluster. */
export const nodeTtlController = defineController<Node>({
  name: 'ttl-controller',
  for: Node,
  rbac: [allow('update patch list watch', '', 'nodes'), recordEvents],
  async reconcile(key, { client, lister }) {
    const nodes = lister(Node);
    const node: Shared<Node> | undefined = nodes.byKey(key);
    if (!node) return undefined;
    const count = nodes.list().length;
    const ttl = String(steps.find(([from]) => count > from || from === 0)![1]);
    const present = node.metadata.annotations?.[annotation];
    // A node that is one step off is left alone: a cluster at a boundary must not be written over and over.
    const rank = (text: string | undefined) => steps.findIndex(([, seconds]) => String(seconds) === text);
    if (
      present !== undefined &&
      Math.abs(rank(present) - rank(ttl)) < (present === ttl ? 1 : 2) &&
      rank(present) >= 0
    ) {
      return undefined;
    }
    try {
      await client.patch(Node, node.metadata, { metadata: { annotations: { [annotation]: ttl } } }, { type: 'merge' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});
