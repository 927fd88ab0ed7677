import { deepEqual } from '../../base/deep.ts';
import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as discovery from '../types/discovery-v1.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-slice-validation.ts';

/** Some of the addresses behind a service. */
export type EndpointSlice = discovery.EndpointSlice;

/** discovery.k8s.io/v1 EndpointSlice. */
export const EndpointSlice = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  scope: 'Namespaced',
  schema: 'discovery/v1.EndpointSlice',
  defaults(slice) {
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  prepareCreate: dropTopology,
  prepareUpdate(slice, old) {
    if (!deepEqual(topologyOf(slice), topologyOf(old))) dropTopology(slice);
  },
  columns: [
    nameColumn,
    textColumn('AddressType', (s) => s.addressType),
    textColumn('Ports', ports),
    textColumn('Endpoints', endpoints),
    ageColumn,
  ],
  tracksGeneration: true,
  allowUnconditionalUpdate: true,
});

const topologyOf = (slice: Shared<EndpointSlice>) => slice.endpoints?.map((e) => e.deprecatedTopology);

/** What v1beta1 said of places is read-only in v1. */
function dropTopology(slice: EndpointSlice): void {
  for (const endpoint of slice.endpoints ?? []) delete endpoint.deprecatedTopology;
}

function ports(slice: Shared<EndpointSlice>): string {
  if (!slice.ports?.length) return '<unset>';
  return listed(slice.ports.map((p) => (p.port === undefined ? '*' : String(p.port))));
}

function endpoints(slice: Shared<EndpointSlice>): string {
  return listed(slice.endpoints.flatMap((e) => e.addresses));
}

function listed(values: readonly string[]): string {
  if (values.length === 0) return '<unset>';
  const shown = values.slice(0, 3).join(',');
  return values.length > 3 ? `${shown} + ${values.length - 3} more...` : shown;
}
