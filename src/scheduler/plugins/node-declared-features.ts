import type { Shared } from '../../api/kind.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { defineSchedulerPlugin, skip, unresolvable } from '../framework.ts';

const name = 'NodeDeclaredFeatures';

/** Features that a pod can need, which nodes say they have in `status.declaredFeatures`. */
const features: Readonly<Record<string, (spec: Shared<Pod>['spec']) => boolean>> = {
  RestartAllContainersOnContainerExits: ({ containers, initContainers }) =>
    [...containers, ...(initContainers ?? [])].some((container) =>
      container.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
    ),
  UserNamespacesHostNetworkSupport: ({ hostNetwork, hostUsers }) => hostNetwork === true && hostUsers === false,
};

/** The features that a pod needs, by name. */
const neededBy = ({ spec }: Shared<Pod>): string[] =>
  Object.keys(features).filter((feature) => features[feature]!(spec));

/** Keeps pods off nodes that do not declare what they need (KEP-5328). */
export const nodeDeclaredFeatures = defineSchedulerPlugin({
  name,
  order: 210,
  enabledByDefault: true,
  events: [
    { kind: 'Node', actions: ['add', 'update'] },
    { kind: 'Pod', actions: ['update'] },
  ],
  create: () => ({
    preFilter(state, pod) {
      const needed = neededBy(pod);
      if (needed.length === 0) return skip(name);
      state.set(name, needed);
      return undefined;
    },
    filter(state, _pod, { node }) {
      const declared = node.status.declaredFeatures ?? [];
      const missing = (state.get(name) as readonly string[]).filter((feature) => !declared.includes(feature));
      if (missing.length === 0) return undefined;
      return unresolvable(
        name,
        `node declared features check failed - unsatisfied requirements: ${missing.join(', ')}`,
      );
    },
    helps(event, pod) {
      if (event.kind === 'Pod') {
        const old = event.old as Shared<Pod> | undefined;
        return event.object.metadata.uid === pod.metadata.uid && (!old || !deepEqual(neededBy(pod), neededBy(old)));
      }
      const declaredBy = (node: unknown) => (node as Shared<Node> | undefined)?.status.declaredFeatures;
      return event.action === 'add' || !deepEqual(declaredBy(event.object), declaredBy(event.old));
    },
  }),
});
