import { Deployment } from '../../api/apps/deployment.ts';
import { ReplicaSet } from '../../api/apps/replica-set.ts';
import { Pod } from '../../api/core/pod.ts';
import { controllerKey } from '../../client/controller-runner.ts';
import { defineController, watches } from '../../client/reconcile.ts';
import { adoptersOf, claimObjects, indexByController } from '../ownership.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { matcherOf } from '../selector-cache.ts';
import { Rollout } from './rollout.ts';

/** Rolls out a pod template over ReplicaSets: RollingUpdate or Recreate, paused and resumed, scaled in proportion, numbered. */
export const deploymentController = defineController<Deployment>({
  name: 'deployment-controller',
  for: Deployment,
  owns: [ReplicaSet],
  watches: [
    watches<ReplicaSet>({
      kind: ReplicaSet,
      keys: (rs, context) =>
        adoptersOf(context, rs, {
          kind: Deployment,
          matches: (d) => matcherOf(d.spec.selector).matches(rs.metadata.labels),
        }),
    }),
    // Recreate waits for the last old pod to be gone, which no ReplicaSet's status tells.
    watches<Pod>({
      kind: Pod,
      changed: (pod, old) => pod.status.phase !== old.status.phase,
      keys(pod, context) {
        const set = controllerKey(pod, ReplicaSet);
        const rs = set && context.lister(ReplicaSet).byKey(set);
        const key = rs && controllerKey(rs, Deployment);
        const d = key && context.lister(Deployment).byKey(key);
        return d && d.spec.strategy.type === 'Recreate' ? [key] : [];
      },
    }),
  ],
  rbac: [
    allow('get list watch update', 'apps', 'deployments'),
    allow('update', 'apps', 'deployments/status deployments/finalizers'),
    allow('get list watch create update patch delete', 'apps', 'replicasets'),
    allow('get list watch update', '', 'pods'),
    recordEvents,
  ],
  start(context) {
    indexByController(context.informers.informer(Pod));
    indexByController(context.informers.informer(ReplicaSet));
    return undefined;
  },
  async reconcile(key, context) {
    const deployment = context.lister(Deployment).byKey(key);
    if (!deployment) return undefined;
    const matcher = matcherOf(deployment.spec.selector);
    if (matcher.everything) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      context.events.event(deployment, 'Warning', 'SelectingAll', message);
      return undefined;
    }
    const sets = await claimObjects({
      client: context.client,
      owner: deployment,
      ownerKind: Deployment,
      kind: ReplicaSet,
      informer: context.informers.informer(ReplicaSet),
      matches: (labels) => matcher.matches(labels),
    });
    return new Rollout(context, deployment, sets).run();
  },
});
