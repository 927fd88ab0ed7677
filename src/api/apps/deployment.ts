import { deepEqual } from '../../base/deep.ts';
import {
  ageColumn,
  formatLabelSelector,
  integerColumn,
  nameColumn,
  templateColumns,
  textColumn,
} from '../core/columns.ts';
import { setPodTemplateDefaults } from '../core/pod-defaults.ts';
import { podRules } from '../core/pod-ratcheting.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';
import { ratcheted } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as apps from '../types/apps-v1.ts';
import { validateDeployment, validateDeploymentStatusUpdate, validateSelectorUpdate } from './deployment-validation.ts';

/** Declares pods and rolls out changes to them. */
export type Deployment = apps.Deployment;

/** apps/v1 Deployment. */
export const Deployment = defineKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1.Deployment',
  subresources: {
    status: true,
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  defaults({ spec }) {
    setPodTemplateDefaults(spec.template);
    spec.replicas ??= 1;
    spec.strategy.type ||= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
  },
  prepareUpdate(deployment, old) {
    // Annotations count as well here: rollouts follow them.
    if (!deepEqual(deployment.metadata.annotations ?? {}, old.metadata.annotations ?? {})) {
      deployment.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
  },
  validate: ratcheted(validateDeployment, podRules),
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateDeploymentStatusUpdate,
  warnings: (object, old) => workloadWarnings(object, old, object.spec.template),
  columns: [
    nameColumn,
    textColumn('Ready', (d) => `${d.status.readyReplicas ?? 0}/${d.spec.replicas ?? 1}`),
    integerColumn('Up-to-date', (d) => d.status.updatedReplicas ?? 0),
    integerColumn('Available', (d) => d.status.availableReplicas ?? 0),
    ageColumn,
    ...templateColumns<Deployment>(
      (d) => d.spec.template.spec.containers,
      (d) => formatLabelSelector(d.spec.selector),
    ),
  ],
  allowUnconditionalUpdate: true,
});
