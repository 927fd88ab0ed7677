import { ageColumn, integerColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as flowcontrol from '../types/flowcontrol-v1.ts';
import { validatePriorityLevel } from './flowcontrol-validation.ts';

/** A share of the API server's capacity. */
export type PriorityLevelConfiguration = flowcontrol.PriorityLevelConfiguration;

/** flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration. */
export const PriorityLevelConfiguration = defineKind<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  scope: 'Cluster',
  schema: 'flowcontrol/v1.PriorityLevelConfiguration',
  subresources: { status: true },
  defaults({ spec }) {
    if (spec.exempt) {
      spec.exempt.nominalConcurrencyShares ??= 0;
      spec.exempt.lendablePercent ??= 0;
    }
    if (!spec.limited) return;
    spec.limited.nominalConcurrencyShares ??= 30;
    spec.limited.lendablePercent ??= 0;
    const { queuing } = spec.limited.limitResponse;
    if (!queuing) return;
    queuing.queues ||= 64;
    queuing.handSize ||= 8;
    queuing.queueLengthLimit ||= 50;
  },
  validate: validatePriorityLevel,
  columns: [
    nameColumn,
    textColumn('Type', (p) => p.spec.type),
    textColumn('NominalConcurrencyShares', shares),
    integerColumn('Queues', (p) => queuing(p)?.queues ?? '<none>'),
    integerColumn('HandSize', (p) => queuing(p)?.handSize ?? '<none>'),
    integerColumn('QueueLengthLimit', (p) => queuing(p)?.queueLengthLimit ?? '<none>'),
    ageColumn,
  ],
  allowUnconditionalUpdate: true,
});

const queuing = ({ spec }: Shared<PriorityLevelConfiguration>) => spec.limited?.limitResponse.queuing;

function shares({ spec }: Shared<PriorityLevelConfiguration>): string | number {
  return (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? '<none>';
}
