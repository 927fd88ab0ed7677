import { defineKind, type Shared } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { formatLabels, nameColumn, textColumn } from './columns.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { podRules } from './pod-ratcheting.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';
import { templateWarnings } from './pod-warnings.ts';
import { ratcheted } from './ratcheting.ts';

/** A pod template stored on its own. */
export type PodTemplate = core.PodTemplate;

/** core/v1 PodTemplate. */
export const PodTemplate = defineKind<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  scope: 'Namespaced',
  schema: 'core/v1.PodTemplate',
  defaults(object) {
    setPodTemplateDefaults(object.template);
  },
  validate: ratcheted<Shared<PodTemplate>>(({ template }) => validatePodTemplate(template, 'template'), podRules),
  warnings: (object) => templateWarnings(object.template, 'template'),
  columns: [
    nameColumn,
    textColumn('Containers', (t) => t.template.spec.containers.map((c) => c.name).join(',')),
    textColumn('Images', (t) => t.template.spec.containers.map((c) => c.image ?? '').join(',')),
    textColumn('Pod Labels', (t) => formatLabels(t.template.metadata.labels)),
  ],
  tracksGeneration: true,
  allowUnconditionalUpdate: true,
});
