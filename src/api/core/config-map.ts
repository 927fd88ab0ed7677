import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, integerColumn, nameColumn } from './columns.ts';
import { validateConfigMap, validateConfigMapUpdate } from './config-validation.ts';

/** Configuration data that pods consume. */
export type ConfigMap = core.ConfigMap;

/** core/v1 ConfigMap. */
export const ConfigMap = defineKind<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  scope: 'Namespaced',
  schema: 'core/v1.ConfigMap',
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
  columns: [
    nameColumn,
    {
      ...integerColumn('Data', (c) => Object.keys(c.data ?? {}).length + Object.keys(c.binaryData ?? {}).length),
      type: 'string',
    },
    ageColumn,
  ],
  allowUnconditionalUpdate: true,
});
