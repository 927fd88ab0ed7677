/** The FlowSchemas and PriorityLevelConfigurations that upstream makes at start (flowcontrol bootstrap, mandatory and suggested). */
import { FlowSchema } from '../../api/flowcontrol/flow-schema.ts';
import { mandatoryFlowSchemas, mandatoryPriorityLevels } from '../../api/flowcontrol/mandatory-objects.ts';
import { PriorityLevelConfiguration } from '../../api/flowcontrol/priority-level-configuration.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { Client, Draft } from '../../client/client.ts';
import { ensure } from './ensure.ts';

type Rule = NonNullable<NonNullable<Draft<FlowSchema>['spec']>['rules']>[number];
type Subject = NonNullable<NonNullable<Rule>['subjects']>[number];

const user = (name: string): Subject => ({ kind: 'User', user: { name } });
const group = (name: string): Subject => ({ kind: 'Group', group: { name } });
const account = (namespace: string, name: string): Subject => ({
  kind: 'ServiceAccount',
  serviceAccount: { namespace, name },
});

const allResources = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }];
const allPaths = [{ verbs: ['*'], nonResourceURLs: ['*'] }];
const everything = (...subjects: Subject[]): Rule => ({
  subjects,
  resourceRules: allResources,
  nonResourceRules: allPaths,
});
const resources = (
  subjects: Subject[],
  rule: { verbs: string[]; apiGroups: string[]; resources: string[]; namespaces?: string[]; clusterScope?: boolean },
): Rule => ({ subjects, resourceRules: [{ namespaces: [], ...rule }] });

const leaderVerbs = ['get', 'create', 'update'];

const schemas: readonly {
  name: string;
  level: string;
  precedence: number;
  by?: 'ByUser' | 'ByNamespace';
  rules: Rule[];
}[] = [
  {
    name: 'probes',
    level: 'exempt',
    precedence: 2,
    rules: [
      {
        subjects: [group('system:unauthenticated'), group('system:authenticated')],
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
      },
    ],
  },
  {
    name: 'system-leader-election',
    level: 'leader-election',
    precedence: 100,
    by: 'ByUser',
    rules: [
      resources([user('system:kube-controller-manager'), user('system:kube-scheduler'), account('kube-system', '*')], {
        verbs: leaderVerbs,
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        namespaces: ['*'],
      }),
    ],
  },
  {
    name: 'endpoint-controller',
    level: 'workload-high',
    precedence: 150,
    by: 'ByUser',
    rules: [
      resources(
        [
          user('system:kube-controller-manager'),
          account('kube-system', 'endpoint-controller'),
          account('kube-system', 'endpointslicemirroring-controller'),
        ],
        { verbs: ['get', 'create', 'update'], apiGroups: [''], resources: ['endpoints'], namespaces: ['*'] },
      ),
    ],
  },
  {
    name: 'workload-leader-election',
    level: 'leader-election',
    precedence: 200,
    by: 'ByUser',
    rules: [
      resources([account('kube-system', '*')], {
        verbs: leaderVerbs,
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        namespaces: ['*'],
      }),
    ],
  },
  {
    name: 'system-node-high',
    level: 'node-high',
    precedence: 400,
    by: 'ByUser',
    rules: [
      {
        subjects: [group('system:nodes')],
        resourceRules: [
          {
            verbs: ['*'],
            apiGroups: [''],
            resources: ['nodes', 'nodes/status'],
            clusterScope: true,
            namespaces: ['*'],
          },
          { verbs: ['*'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] },
        ],
      },
    ],
  },
  { name: 'system-nodes', level: 'system', precedence: 500, by: 'ByUser', rules: [everything(group('system:nodes'))] },
  {
    name: 'kube-controller-manager',
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    rules: [everything(user('system:kube-controller-manager'))],
  },
  {
    name: 'kube-scheduler',
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    rules: [everything(user('system:kube-scheduler'))],
  },
  {
    name: 'kube-system-service-accounts',
    level: 'workload-high',
    precedence: 900,
    by: 'ByNamespace',
    rules: [everything(account('kube-system', '*'))],
  },
  {
    name: 'service-accounts',
    level: 'workload-low',
    precedence: 9000,
    by: 'ByUser',
    rules: [everything(group('system:serviceaccounts'))],
  },
  {
    name: 'global-default',
    level: 'global-default',
    precedence: 9900,
    by: 'ByUser',
    rules: [everything(group('system:unauthenticated'), group('system:authenticated'))],
  },
];

const levels: readonly { name: string; shares: number; lendable?: number; queues: number; handSize: number }[] = [
  { name: 'leader-election', shares: 10, queues: 16, handSize: 4 },
  { name: 'node-high', shares: 40, lendable: 25, queues: 64, handSize: 6 },
  { name: 'system', shares: 30, lendable: 33, queues: 64, handSize: 6 },
  { name: 'workload-high', shares: 40, lendable: 50, queues: 128, handSize: 6 },
  { name: 'workload-low', shares: 100, lendable: 90, queues: 128, handSize: 6 },
  { name: 'global-default', shares: 20, lendable: 50, queues: 128, handSize: 6 },
];

const managed = { 'apf.kubernetes.io/autoupdate-spec': 'true' };

/** Makes those that are missing; what an administrator has changed stays. */
export async function ensureFlowObjects(client: Client): Promise<void> {
  const work: Promise<void>[] = [];
  const addLevel = (name: string, spec: NonNullable<Draft<PriorityLevelConfiguration>['spec']>) =>
    ensure(client, PriorityLevelConfiguration, { metadata: { name, annotations: managed }, spec });
  for (const [name, spec] of Object.entries(mandatoryPriorityLevels)) work.push(addLevel(name, mutableCopy(spec)));
  for (const { name, shares, lendable, queues, handSize } of levels) {
    const limitResponse = { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } };
    const limited = { nominalConcurrencyShares: shares, limitResponse, lendablePercent: lendable ?? 0 };
    work.push(addLevel(name, { type: 'Limited', limited }));
  }
  const addSchema = (name: string, spec: NonNullable<Draft<FlowSchema>['spec']>) =>
    ensure(client, FlowSchema, { metadata: { name, annotations: managed }, spec });
  for (const [name, spec] of Object.entries(mandatoryFlowSchemas)) work.push(addSchema(name, mutableCopy(spec)));
  for (const { name, level, precedence, by, rules } of schemas) {
    const spec = {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence: precedence,
      ...(by ? { distinguisherMethod: { type: by } } : {}),
      rules,
    };
    work.push(addSchema(name, spec));
  }
  await Promise.all(work);
}
