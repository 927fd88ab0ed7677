import { ReplicaSet } from '../api/apps/replica-set.ts';
import { defineController } from '../client/reconcile.ts';
import { allow, recordEvents } from './rbac-rules.ts';
import { replicaController } from './replicas.ts';
import { matcherOf } from './selector-cache.ts';

/** Keeps the number of pods that a ReplicaSet asks for. */
export const replicaSetController = defineController(
  replicaController<ReplicaSet>({
    name: 'replicaset-controller',
    kind: ReplicaSet,
    rbac: [
      allow('get list watch update', 'apps', 'replicasets'),
      allow('update', 'apps', 'replicasets/status replicasets/finalizers'),
      allow('list watch patch create delete', '', 'pods'),
      recordEvents,
    ],
    replicas: (owner) => owner.spec.replicas ?? 1,
    minReadySeconds: (owner) => owner.spec.minReadySeconds ?? 0,
    template: (owner) => owner.spec.template,
    matches: (owner, labels) => matcherOf(owner.spec.selector).matches(labels),
    status: (owner) => owner.status,
    withStatus: (owner, status) => ({ ...owner, status }),
    countsTerminating: true,
  }),
);
