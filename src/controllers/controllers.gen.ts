// Written by `npm run gen`. Do not edit.
import { deploymentController as deployment_deployment_deploymentController } from './deployment/deployment.ts';
import { replicaSetController as replica_set_replicaSetController } from './replica-set.ts';
import { replicationControllerController as replication_controller_replicationControllerController } from './replication-controller.ts';
import type { ControllerDefinition } from '../client/reconcile.ts';

/** Every built-in controller. */
export const builtinControllers: readonly ControllerDefinition[] = [
  deployment_deployment_deploymentController,
  replica_set_replicaSetController,
  replication_controller_replicationControllerController,
];
