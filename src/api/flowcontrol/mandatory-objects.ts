/** The schemas and levels that every server has and nobody may change: the last resort and the way past all queues. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { FlowSchemaSpec, PriorityLevelConfigurationSpec, Subject } from '../types/flowcontrol-v1.ts';

const group = (name: string): Subject => ({ kind: 'Group', group: { name } });
const everything = (...subjects: Subject[]) => [
  {
    subjects,
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  },
];

/** By name; administrators pass all queues, what no other schema takes is caught. */
export const mandatoryFlowSchemas: Readonly<Record<string, DeepReadonly<FlowSchemaSpec>>> = {
  exempt: {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: everything(group('system:masters')),
  },
  'catch-all': {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: 10000,
    distinguisherMethod: { type: 'ByUser' },
    rules: everything(group('system:unauthenticated'), group('system:authenticated')),
  },
};

/** By name. Of `exempt`, what it lends may be changed. */
export const mandatoryPriorityLevels: Readonly<Record<string, DeepReadonly<PriorityLevelConfigurationSpec>>> = {
  exempt: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  'catch-all': {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' }, lendablePercent: 0 },
  },
};
