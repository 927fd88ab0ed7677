import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, nameColumn, textColumn } from './columns.ts';
import { validateSecret, validateSecretUpdate } from './config-validation.ts';

/** Confidential data that pods consume. */
export type Secret = core.Secret;

/** core/v1 Secret. */
export const Secret = defineKind<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  scope: 'Namespaced',
  schema: 'core/v1.Secret',
  defaults(secret) {
    secret.type ||= 'Opaque';
    if (!secret.stringData) return;
    // stringData is write-only: its values are stored, encoded, in data.
    const data = { ...secret.data };
    for (const [key, value] of Object.entries(secret.stringData)) data[key] = Buffer.from(value).toString('base64');
    secret.data = data;
    delete secret.stringData;
  },
  prepareUpdate(secret, old) {
    if (!secret.type) secret.type = old.type;
  },
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  columns: [
    nameColumn,
    textColumn('Type', (s) => s.type ?? ''),
    textColumn('Data', (s) => Object.keys(s.data ?? {}).length),
    ageColumn,
  ],
  fieldLabels: { type: (s) => s.type ?? '' },
  allowUnconditionalUpdate: true,
});
