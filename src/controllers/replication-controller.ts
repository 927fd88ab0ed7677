import { ReplicationController } from '../api/core/replication-controller.ts';
import type { Shared } from '../api/kind.ts';
import type { PodTemplateSpec, ReplicationControllerStatus } from '../api/types/core-v1.ts';
import { defineController } from '../client/reconcile.ts';
import { allow, recordEvents } from './rbac-rules.ts';
import { replicaController } from './replicas.ts';

const emptyTemplate: Shared<PodTemplateSpec> = { metadata: {}, spec: { containers: [] } };

/** Keeps the number of pods that a ReplicationController asks for: the older form of a ReplicaSet, with a plain label selector. */
export const replicationControllerController = defineController(
  replicaController<ReplicationController>({
    name: 'replication-controller',
    kind: ReplicationController,
    rbac: [
      allow('get list watch update', '', 'replicationcontrollers'),
      allow('update', '', 'replicationcontrollers/status replicationcontrollers/finalizers'),
      allow('list watch patch create delete', '', 'pods'),
      recordEvents,
    ],
    replicas: (owner) => owner.spec.replicas ?? 1,
    minReadySeconds: (owner) => owner.spec.minReadySeconds ?? 0,
    template: (owner) => owner.spec.template ?? emptyTemplate,
    // An empty selector selects nothing here, where a LabelSelector would select everything.
    matches(owner, labels) {
      const selector = Object.entries(owner.spec.selector ?? {});
      return selector.length > 0 && selector.every(([name, value]) => labels?.[name] === value);
    },
    status: (owner) => owner.status,
    withStatus: (owner, status) => ({ ...owner, status: status as Shared<ReplicationControllerStatus> }),
    countsTerminating: false,
  }),
);
