import { deepEqual } from '../../base/deep.ts';
import {
  ageColumn,
  formatLabelSelector,
  formatLabels,
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
import { validateDaemonSet, validateDaemonSetStatusUpdate } from './daemon-set-validation.ts';
import { validateSelectorUpdate } from './deployment-validation.ts';

/** Runs a pod on every node. */
export type DaemonSet = apps.DaemonSet;

/** Counts changes of the template; upstream keeps it here since the field is gone. */
const templateGeneration = 'deprecated.daemonset.template.generation';

function setTemplateGeneration({ metadata }: DaemonSet, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(generation) };
}

/** apps/v1 DaemonSet. */
export const DaemonSet = defineKind<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'apps/v1.DaemonSet',
  subresources: { status: true },
  defaults({ spec }) {
    setPodTemplateDefaults(spec.template);
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
  },
  prepareCreate(set) {
    set.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
    setTemplateGeneration(set, 1);
  },
  prepareUpdate(set, old) {
    const generation = Number(old.metadata.annotations?.[templateGeneration] ?? 0);
    setTemplateGeneration(set, deepEqual(set.spec.template, old.spec.template) ? generation : generation + 1);
  },
  validate: ratcheted(validateDaemonSet, podRules),
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateDaemonSetStatusUpdate,
  warnings: (object, old) => workloadWarnings(object, old, object.spec.template),
  columns: [
    nameColumn,
    integerColumn('Desired', (s) => s.status.desiredNumberScheduled),
    integerColumn('Current', (s) => s.status.currentNumberScheduled),
    integerColumn('Ready', (s) => s.status.numberReady),
    integerColumn('Up-to-date', (s) => s.status.updatedNumberScheduled ?? 0),
    integerColumn('Available', (s) => s.status.numberAvailable ?? 0),
    textColumn('Node Selector', (s) => formatLabels(s.spec.template.spec.nodeSelector)),
    ageColumn,
    ...templateColumns<DaemonSet>(
      (s) => s.spec.template.spec.containers,
      (s) => formatLabelSelector(s.spec.selector),
    ),
  ],
  allowUnconditionalUpdate: true,
});
