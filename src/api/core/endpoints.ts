import { defineKind, type Shared } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, nameColumn, textColumn } from './columns.ts';
import { validateEndpoints } from './endpoints-validation.ts';
import { keptAddresses } from './ip-rules.ts';
import { ratcheted } from './ratcheting.ts';

/** The addresses behind a service, in the form that EndpointSlice replaced. */
export type Endpoints = core.Endpoints;

/** core/v1 Endpoints. */
export const Endpoints = defineKind<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  scope: 'Namespaced',
  schema: 'core/v1.Endpoints',
  defaults(endpoints) {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate: ratcheted(validateEndpoints, [keptAddresses]),
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  columns: [nameColumn, textColumn('Endpoints', addresses), ageColumn],
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});

function addresses({ subsets }: Shared<Endpoints>): string {
  if (!subsets?.length) return '<none>';
  const all: string[] = [];
  for (const subset of subsets) {
    if (!subset.ports?.length) all.push(...(subset.addresses ?? []).map((a) => a.ip));
    for (const port of subset.ports ?? []) {
      for (const { ip } of subset.addresses ?? []) all.push(`${ip.includes(':') ? `[${ip}]` : ip}:${port.port}`);
    }
  }
  const shown = all.slice(0, 3).join(',');
  return all.length > 3 ? `${shown} + ${all.length - 3} more...` : shown || '<none>';
}
