import { formatTime } from '../../base/clock.ts';
import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import { pathSegmentName } from '../machinery/names.ts';
import type * as apiregistration from '../types/apiregistration-v1.ts';
import { validateApiService } from './api-service-validation.ts';

/** Says which server answers for a group and version. */
export type APIService = apiregistration.APIService;

/** apiregistration.k8s.io/v1 APIService. */
export const APIService = defineKind<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'apiregistration/v1.APIService',
  subresources: { status: true },
  defaults({ spec }) {
    if (spec.service) spec.service.port ??= 443;
  },
  prepareCreate(service, { now }) {
    service.status = service.spec.service ? {} : { conditions: [localCondition(now)] };
  },
  // The core group's is called `v1.`
  validateName: pathSegmentName,
  validate: validateApiService,
  columns: [
    nameColumn,
    textColumn('Service', ({ spec: { service } }) =>
      service ? `${service.namespace ?? ''}/${service.name ?? ''}` : 'Local',
    ),
    textColumn('Available', available),
    ageColumn,
  ],
  tracksGeneration: false,
});

const localCondition = (now: number) => ({
  type: 'Available',
  status: 'True',
  lastTransitionTime: formatTime(now),
  reason: 'Local',
  message: 'Local APIServices are always available',
});

function available({ status }: Shared<APIService>): string {
  const condition = status.conditions?.find((c) => c.type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' || !condition.reason
    ? condition.status
    : `${condition.status} (${condition.reason})`;
}
