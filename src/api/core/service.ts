import { defineKind, type Shared } from '../kind.ts';
import { nameIsDnsLabel } from '../machinery/names.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, formatLabels, nameColumn, textColumn } from './columns.ts';
import { keptAddresses } from './ip-rules.ts';
import { ratcheted } from './ratcheting.ts';
import { normalizeClusterIps, patchAllocatedValues } from './service-allocation.ts';
import { dropTypeDependentFields, setServiceDefaults } from './service-defaults.ts';
import { validateClusterIpsUpdate } from './service-ip-validation.ts';
import { validateService, validateServiceStatus, validateServiceUpdate } from './service-validation.ts';
import { serviceWarnings } from './service-warnings.ts';

/** A stable address for a set of pods. */
export type Service = core.Service;

/** core/v1 Service. */
export const Service = defineKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'core/v1.Service',
  subresources: {
    status: true,
    proxy: {
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
      group: '',
      version: 'v1',
      kind: 'ServiceProxyOptions',
    },
  },
  defaults: setServiceDefaults,
  prepareCreate(service) {
    service.status = { loadBalancer: {} };
    normalizeClusterIps(service);
  },
  prepareUpdate(service, old) {
    patchAllocatedValues(service, old);
    normalizeClusterIps(service, old);
    dropTypeDependentFields(service, old);
  },
  validate: ratcheted(validateService, [keptAddresses]),
  validateUpdate: (service, old) => [...validateClusterIpsUpdate(service, old), ...validateServiceUpdate(service, old)],
  validateStatusUpdate: ratcheted(validateServiceStatus, [keptAddresses]),
  validateName: nameIsDnsLabel,
  warnings: serviceWarnings,
  columns: [
    nameColumn,
    textColumn('Type', (s) => s.spec.type ?? ''),
    textColumn('Cluster-IP', (s) => s.spec.clusterIP || '<none>'),
    textColumn('External-IP', externalIps),
    textColumn('Port(s)', ports),
    ageColumn,
    textColumn('Selector', (s) => formatLabels(s.spec.selector), 1),
  ],
  fieldLabels: {
    'spec.clusterIP': (s) => s.spec.clusterIP ?? '',
    'spec.type': (s) => s.spec.type ?? '',
  },
  tracksGeneration: false,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
});

function externalIps({ spec, status }: Shared<Service>): string {
  const external = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.join(',') || '<none>';
    case 'LoadBalancer': {
      const balancer = (status.loadBalancer.ingress ?? []).map((i) => i.ip || i.hostname || '').filter(Boolean);
      return [...[...new Set(balancer)].sort(), ...external].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function ports({ spec }: Shared<Service>): string {
  const pieces = (spec.ports ?? []).map((p) => `${p.port}${p.nodePort ? `:${p.nodePort}` : ''}/${p.protocol}`);
  return pieces.join(',') || '<none>';
}
