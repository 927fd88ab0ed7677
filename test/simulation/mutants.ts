/** Controllers with a bug each: what the simulation is for is to find such. */
import type { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Node } from '../../src/api/core/node.ts';
import type { KubeObject, Shared } from '../../src/api/kind.ts';
import { parseTime } from '../../src/base/clock.ts';
import type { Client, Draft } from '../../src/client/client.ts';
import type { ControllerContext, ControllerDefinition } from '../../src/client/reconcile.ts';
import { parseSchedulerConfig } from '../../src/scheduler/config.ts';
import type { SimulationOptions } from './simulation.ts';

type Definitions = readonly ControllerDefinition[];

/** A controller whose context is another. */
function withContext(
  definition: ControllerDefinition,
  change: (context: ControllerContext) => Partial<ControllerContext>,
): ControllerDefinition {
  const contexts = new WeakMap<ControllerContext, ControllerContext>();
  const changed = (context: ControllerContext) => {
    let known = contexts.get(context);
    if (!known) {
      known = { ...context, ...change(context) };
      contexts.set(context, known);
    }
    return known;
  };
  const { start, reconcile } = definition;
  return {
    ...definition,
    ...(start ? { start: (context) => start.call(definition, changed(context)) } : {}),
    ...(reconcile ? { reconcile: (key, context) => reconcile.call(definition, key, changed(context)) } : {}),
  };
}

const replace = (
  definitions: Definitions,
  name: string,
  change: (it: ControllerDefinition) => ControllerDefinition,
) => {
  if (!definitions.some((definition) => definition.name === name)) throw new Error(`there is no controller ${name}`);
  return definitions.map((definition) => (definition.name === name ? change(definition) : definition));
};

/** One controller that works through another client. */
const withClient = (name: string, change: (client: Client) => Partial<Client>) => (definitions: Definitions) =>
  replace(definitions, name, (definition) =>
    withContext(definition, ({ client }) => ({ client: { ...client, ...change(client) } })),
  );

const without = (name: string) => (definitions: Definitions) => {
  replace(definitions, name, (definition) => definition);
  return definitions.filter((definition) => definition.name !== name);
};

/** Rollouts go one pod beyond what maxSurge allows. */
const miscountedSurge = withClient('deployment-controller', (client) => {
  const more = (object: unknown): unknown => {
    const set = object as Shared<ReplicaSet>;
    const replicas = set.spec?.replicas ?? 0;
    const wanted = Number(set.metadata?.annotations?.['deployment.kubernetes.io/desired-replicas'] ?? replicas);
    return replicas > 0 && replicas < wanted ? { ...set, spec: { ...set.spec, replicas: replicas + 1 } } : object;
  };
  return {
    create: (kind, draft, options) => client.create(kind, more(draft) as typeof draft, options),
    update: (kind, object, options) => client.update(kind, more(object) as typeof object, options),
  };
});

/** Rollouts take away one pod too many of the old ones. */
const impatientRollout = withClient('deployment-controller', (client) => ({
  update(kind, object, options) {
    const set = object as unknown as Shared<ReplicaSet>;
    const wanted = Number(set.metadata.annotations?.['deployment.kubernetes.io/desired-replicas']);
    const replicas = set.spec?.replicas ?? 0;
    if (kind.kind !== 'ReplicaSet' || replicas === 0 || replicas >= wanted) return client.update(kind, object, options);
    const less = { ...set, spec: { ...set.spec, replicas: replicas - 1 } };
    return client.update(kind, less as unknown as typeof object, options);
  },
}));

/** Of `name`, each second pod is made twice. */
const doubleCreate = (name: string) =>
  withClient(name, (client) => {
    let created = 0;
    return {
      async create(kind, draft, options) {
        const first = await client.create(kind, draft, options);
        if (kind.kind !== 'Pod' || ++created % 2 !== 0) return first;
        const { metadata } = draft as unknown as Draft<KubeObject>;
        const twin = { ...(draft as object), metadata: { ...metadata, name: `${first.metadata.name}x` } };
        await client.create(kind, twin as unknown as typeof draft, options);
        return first;
      },
    };
  });

/** Of a kind's status, a number is written that is one more than what was counted. */
const miscount = (name: string, kindName: string, change: (status: Record<string, unknown>) => void) =>
  withClient(name, (client) => ({
    updateStatus(kind, object, options) {
      if (kind.kind !== kindName) return client.updateStatus(kind, object, options);
      const copy = structuredClone(object) as unknown as { status: Record<string, unknown> };
      change(copy.status);
      return client.updateStatus(kind, copy as unknown as typeof object, options);
    },
  }));

/** What is deleted goes at once, whoever still has something to do about it. */
const skippedFinalizers = withClient('generic-garbage-collector', (client) => ({
  async delete(kind, ref, options) {
    const answer = await client.delete(kind, ref, options);
    if (kind.kind === 'ConfigMap')
      await client.patch(ConfigMap, ref as { name: string }, { metadata: { finalizers: null } }, { type: 'merge' });
    return answer;
  },
}));

/** Writes to its objects every ten seconds, for nothing. */
const restless = (definitions: Definitions) =>
  replace(definitions, 'replicaset-controller', (definition) => ({
    ...definition,
    async reconcile(key, context) {
      const result = await definition.reconcile!(key, context);
      const set = context.lister(definition.for!).byKey(key);
      const annotations = { ...set?.metadata.annotations, 'sim.timonel.dev/looked': String(context.clock.now()) };
      if (set) await context.client.update(definition.for!, { ...set, metadata: { ...set.metadata, annotations } });
      return { ...result, coalesceMs: 10_000 };
    },
  }));

/** Takes nodes' clocks for its own. */
const trustingNodeController = (definitions: Definitions) =>
  replace(definitions, 'node-controller', (definition) => ({
    ...definition,
    async reconcile(key, context) {
      const result = await definition.reconcile!(key, context);
      const lease = (await context.client.list(leases, { namespace: 'kube-node-lease' })).items.find(
        ({ metadata }) => metadata.name === key,
      );
      const renewed = parseTime((lease as { spec?: { renewTime?: string } } | undefined)?.spec?.renewTime ?? '');
      if (context.clock.now() - renewed < 60_000 || Number.isNaN(renewed)) return result;
      const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }];
      await context.client.patch(Node, { name: key }, { spec: { taints } }, { type: 'merge' });
      return result;
    },
  }));
const leases = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true };

const schedulerWithout = (plugin: string) =>
  parseSchedulerConfig(`
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{ plugins: { multiPoint: { disabled: [{ name: ${plugin} }] } } }]
`);

/** A bug, and what the simulation says about it. */
export interface Mutant extends Pick<SimulationOptions, 'controllers' | 'schedulerConfig' | 'twoLeaders'> {
  readonly bug: string;
  readonly complaint: RegExp;
}

export const mutants: readonly Mutant[] = [
  { bug: 'a surge that is miscounted', controllers: miscountedSurge, complaint: /deployment .* pods, at most/ },
  { bug: 'a rollout that is impatient', controllers: impatientRollout, complaint: /ready pods, at least/ },
  {
    // A replica set does not hear of what becomes of its pods.
    bug: 'an event that is missed',
    controllers: (definitions) =>
      replace(definitions, 'replicaset-controller', (definition) => ({ ...definition, owns: [], watches: [] })),
    complaint: /deployment/,
  },
  {
    bug: 'a pod of a replica set that is made twice',
    controllers: doubleCreate('replicaset-controller'),
    complaint: /replica set .* were ever wanted/,
  },
  {
    bug: 'a pod of a job that is made twice',
    controllers: doubleCreate('job-controller'),
    complaint: /job .* (ever wanted|counts)/,
  },
  {
    bug: 'an ordinal that is taken twice',
    controllers: doubleCreate('statefulset-controller'),
    complaint: /ordinal of .* is given twice|stateful set/,
  },
  {
    bug: 'a completion that is counted twice',
    controllers: miscount('job-controller', 'Job', (status) => {
      if (status['succeeded']) status['succeeded'] = Number(status['succeeded']) + 1;
    }),
    complaint: /job .* counts/,
  },
  {
    bug: 'a garbage collector that does nothing',
    controllers: without('generic-garbage-collector'),
    complaint: /outlives its owner|does not go/,
  },
  { bug: 'finalizers that are skipped', controllers: skippedFinalizers, complaint: /went before its time/ },
  {
    bug: 'a quota that is not counted',
    controllers: miscount('resourcequota-controller', 'ResourceQuota', (status) => {
      status['used'] = { pods: '0' };
    }),
    complaint: /quota pods: /,
  },
  {
    bug: 'a budget that allows one disruption too many',
    controllers: miscount('disruption-controller', 'PodDisruptionBudget', (status) => {
      status['disruptionsAllowed'] = Number(status['disruptionsAllowed']) + 1;
    }),
    complaint: /the budget wants/,
  },
  { bug: 'a write that is repeated for ever', controllers: restless, complaint: /was written .* times/ },
  {
    bug: "a clock that is taken for another's",
    controllers: trustingNodeController,
    complaint: /is given up though it answers/,
  },
  {
    bug: 'jobs that outlive their time',
    controllers: without('ttl-after-finished-controller'),
    complaint: /its time to live/,
  },
  { bug: 'a schedule that is not kept', controllers: without('cronjob-controller'), complaint: /last ran/ },
  { bug: 'endpoints that lead nowhere', controllers: without('endpointslice-controller'), complaint: /leads to/ },
  {
    bug: 'a scheduler that does not count',
    schedulerConfig: schedulerWithout('NodeResourcesFit'),
    complaint: /given away/,
  },
  {
    bug: 'a host port that is given twice',
    schedulerConfig: schedulerWithout('NodePorts'),
    complaint: /host port/,
  },
  { bug: 'two leaders', twoLeaders: true, complaint: /leads/ },
];
