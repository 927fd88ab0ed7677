import { describe, expect, it } from 'vitest';
import { parseSchedulerConfig } from './config.ts';
import { createFramework, type ExtensionPoint, extensionPoints, type SchedulerProfile } from './framework.ts';
import { pointsOf } from './plugin-points.ts';
import { builtinSchedulerPlugins } from './plugins.gen.ts';
import { world } from './test-world.ts';

const head = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';

const frameworkOf = (profile: SchedulerProfile) =>
  createFramework(profile, builtinSchedulerPlugins, world([]).environment);
const names = (profile: SchedulerProfile, point: ExtensionPoint) =>
  frameworkOf(profile)[point].map(({ definition }) => definition.name);
const profile = (plugins: string) => parseSchedulerConfig(`${head}profiles:\n- plugins: ${plugins}\n`).profiles![0]!;

describe('the default profile', () => {
  it('has upstream’s plugins at upstream’s extension points, in its order', () => {
    const standard = { schedulerName: 'default-scheduler' };
    const found = Object.fromEntries(extensionPoints.map((point) => [point, names(standard, point)]));
    expect(found).toEqual({
      preEnqueue: ['SchedulingGates', 'DynamicResources'],
      preFilter: [
        'NodeAffinity',
        'NodePorts',
        'VolumeRestrictions',
        'NodeVolumeLimits',
        'VolumeBinding',
        'VolumeZone',
        'PodTopologySpread',
        'InterPodAffinity',
        'DynamicResources',
        'NodeDeclaredFeatures',
      ],
      filter: [
        'NodeUnschedulable',
        'NodeName',
        'TaintToleration',
        'NodeAffinity',
        'NodePorts',
        'NodeResourcesFit',
        'VolumeRestrictions',
        'NodeVolumeLimits',
        'VolumeBinding',
        'VolumeZone',
        'PodTopologySpread',
        'InterPodAffinity',
        'DynamicResources',
        'NodeDeclaredFeatures',
      ],
      postFilter: ['DynamicResources', 'DefaultPreemption'],
      preScore: [
        'TaintToleration',
        'NodeAffinity',
        'PodTopologySpread',
        'InterPodAffinity',
        'DynamicResources',
        'NodeResourcesBalancedAllocation',
        'ImageLocality',
      ],
      score: [
        'TaintToleration',
        'NodeAffinity',
        'NodeResourcesFit',
        'PodTopologySpread',
        'InterPodAffinity',
        'DynamicResources',
        'NodeResourcesBalancedAllocation',
        'ImageLocality',
      ],
      reserve: ['VolumeBinding', 'DynamicResources'],
      permit: [],
      preBind: ['VolumeBinding', 'DynamicResources'],
      bind: ['DefaultBinder'],
      postBind: [],
    });
  });

  it('weighs scores as upstream does', () => {
    const weights = frameworkOf({ schedulerName: 's' }).score.map((p) => [p.definition.name, p.weight]);
    expect(Object.fromEntries(weights)).toEqual({
      TaintToleration: 3,
      NodeAffinity: 2,
      NodeResourcesFit: 1,
      PodTopologySpread: 2,
      InterPodAffinity: 2,
      DynamicResources: 1,
      NodeResourcesBalancedAllocation: 1,
      ImageLocality: 1,
    });
  });

  it('knows of every plugin where it takes part', () => {
    for (const plugin of builtinSchedulerPlugins)
      expect([plugin.name, pointsOf(plugin)]).not.toEqual([plugin.name, []]);
  });
});

describe('a profile', () => {
  it('reads plugins, weights, arguments and the percentage of its own', () => {
    const config = parseSchedulerConfig(`${head}
percentageOfNodesToScore: 50
parallelism: 4
leaderElection: {leaderElect: false}
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  percentageOfNodesToScore: 100
  plugins:
    score:
      disabled: [{name: ImageLocality}]
      enabled: [{name: NodeResourcesFit, weight: 5}]
  pluginConfig:
  - name: NodeResourcesFit
    args:
      apiVersion: kubescheduler.config.k8s.io/v1
      kind: NodeResourcesFitArgs
      scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}
`);
    expect(config).toMatchObject({
      percentageOfNodesToScore: 50,
      podInitialBackoffSeconds: 1,
      podMaxBackoffSeconds: 10,
    });
    const packing = frameworkOf(config.profiles![1]!);
    expect(packing.percentageOfNodesToScore).toBe(100);
    expect(packing.score.map((p) => p.definition.name)).not.toContain('ImageLocality');
    expect(packing.preScore.map((p) => p.definition.name)).toContain('ImageLocality');
    expect(packing.score[0]).toMatchObject({ definition: { name: 'NodeResourcesFit' }, weight: 5 });
    expect(config.profiles![1]!.pluginArgs).toMatchObject({
      NodeResourcesFit: { scoringStrategy: { type: 'MostAllocated' } },
    });
  });

  it('switches a plugin off everywhere, at one point, or all but those it names', () => {
    const without = profile('{multiPoint: {disabled: [{name: NodePorts}]}}');
    expect([names(without, 'filter'), names(without, 'preFilter')].flat()).not.toContain('NodePorts');
    const atScore = profile('{score: {disabled: [{name: PodTopologySpread}]}}');
    expect(names(atScore, 'score')).not.toContain('PodTopologySpread');
    expect(names(atScore, 'filter')).toContain('PodTopologySpread');
    const only = profile('{score: {disabled: [{name: "*"}], enabled: [{name: ImageLocality, weight: 7}]}}');
    expect(frameworkOf(only).score.map((p) => [p.definition.name, p.weight])).toEqual([['ImageLocality', 7]]);
    expect(names(only, 'filter').length).toBeGreaterThan(10);
    const few = profile('{multiPoint: {disabled: [{name: "*"}], enabled: [{name: NodeName}, {name: DefaultBinder}]}}');
    expect(names(few, 'filter')).toEqual(['NodeName']);
    const weighed = profile('{multiPoint: {enabled: [{name: NodeAffinity, weight: 9}]}}');
    expect(frameworkOf(weighed).score.find((p) => p.definition.name === 'NodeAffinity')?.weight).toBe(9);
  });

  it('puts what a point names itself before what comes from everywhere', () => {
    const ordered = profile('{filter: {enabled: [{name: InterPodAffinity}]}}');
    expect(names(ordered, 'filter')[0]).toBe('InterPodAffinity');
    expect(names(ordered, 'filter').filter((name) => name === 'InterPodAffinity')).toHaveLength(1);
  });
});

const args = (name: string, given: string) => `${head}profiles: [{pluginConfig: [{name: ${name}, args: ${given}}]}]\n`;
const argsPath = 'profiles[0].pluginConfig[0].args';
const extender = (more: string) => `${head}extenders: [{urlPrefix: 'http://127.0.0.1:1/', ${more}}]\n`;

describe('a configuration that cannot be followed is refused, and says where:', () => {
  it.each([
    [
      'apiVersion: v1\nkind: Pod\n',
      'it is v1 Pod; write apiVersion: kubescheduler.config.k8s.io/v1 and kind: KubeSchedulerConfiguration',
    ],
    ['a: [', 'at line 1'],
    [`${head}profile: []\n`, 'profile: Forbidden: there is no such field; known are apiVersion,'],
    [`${head}profiles: 3\n`, 'profiles: Invalid value: 3: must be a list'],
    [
      `${head}percentageOfNodesToScore: many\n`,
      'percentageOfNodesToScore: Invalid value: "many": must be a whole number',
    ],
    [
      `${head}percentageOfNodesToScore: 200\n`,
      'percentageOfNodesToScore: Invalid value: 200: not in valid range [0-100]',
    ],
    [`${head}parallelism: 0\n`, 'parallelism: Invalid value: 0: should be an integer value greater than zero'],
    [`${head}podInitialBackoffSeconds: 0\n`, 'podInitialBackoffSeconds: Invalid value: 0: must be greater than 0'],
    [
      `${head}podInitialBackoffSeconds: 20\n`,
      'podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds',
    ],
    [
      `${head}profiles: [{schedulerName: a}, {schedulerName: a}]\n`,
      'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
    ],
    [
      `${head}profiles: [{plugins: {filter: {enabled: [{name: Nope}]}}}]\n`,
      'profiles[0].plugins.filter.enabled[0].name: Unsupported value: "Nope": supported values: "DefaultBinder",',
    ],
    [
      `${head}profiles: [{plugins: {filter: {enabled: [{name: ImageLocality}]}}}]\n`,
      'the plugin does not extend filter; it has preScore, score',
    ],
    [
      `${head}profiles: [{plugins: {filter: {enabled: [{name: EBSLimits}]}}}]\n`,
      'was invalid in version "kubescheduler.config.k8s.io/v1"',
    ],
    [
      `${head}profiles: [{plugins: {bind: {disabled: [{name: '*'}]}}}]\n`,
      'profiles[0].plugins.bind: Required value: at least one bind plugin is needed for profile with scheduler name "default-scheduler"',
    ],
    [
      `${head}profiles: [{pluginConfig: [{name: NodePorts}, {name: NodePorts}]}]\n`,
      'profiles[0].pluginConfig[1]: Duplicate value: "NodePorts"',
    ],
    [args('NodeName', '{x: 1}'), `${argsPath}.x: Forbidden: there is no such field`],
    [
      args('NodeResourcesFit', '{kind: InterPodAffinityArgs}'),
      `${argsPath}: Invalid value: "InterPodAffinityArgs": has to match plugin args`,
    ],
    [
      args('NodeResourcesFit', '{scoringStrategy: {type: Best}}'),
      `${argsPath}.scoringStrategy.type: Unsupported value: "Best"`,
    ],
    [
      args('NodeResourcesFit', '{scoringStrategy: {type: RequestedToCapacityRatio}}'),
      'must be specified when type is RequestedToCapacityRatio',
    ],
    [
      args(
        'NodeResourcesFit',
        '{scoringStrategy: {type: RequestedToCapacityRatio, requestedToCapacityRatio: {shape: [{utilization: 50, score: 11}, {utilization: 50, score: 0}]}}}',
      ),
      'values must be sorted in increasing order',
    ],
    [
      args('NodeResourcesFit', '{scoringStrategy: {resources: [{name: cpu, weight: 101}]}}'),
      'resource weight of cpu not in valid range (0, 100]',
    ],
    [args('NodeResourcesFit', '{ignoredResourceGroups: [a/b]}'), "resource group name can't contain '/'"],
    [args('NodeResourcesBalancedAllocation', '{resources: [{name: cpu, weight: 2}]}'), 'must be 1'],
    [args('DefaultPreemption', '{minCandidateNodesPercentage: 101}'), 'not in valid range [0, 100]'],
    [
      args('DefaultPreemption', '{minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}'),
      'cannot be zero at the same time',
    ],
    [args('InterPodAffinity', '{hardPodAffinityWeight: -1}'), 'not in valid range [0, 100]'],
    [
      args(
        'PodTopologySpread',
        '{defaultingType: System, defaultConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}',
      ),
      'when .defaultConstraints are not empty',
    ],
    [
      args(
        'PodTopologySpread',
        '{defaultingType: List, defaultConstraints: [{maxSkew: 0, topologyKey: zone, whenUnsatisfiable: Never, labelSelector: {}}]}',
      ),
      'constraint must not define a selector',
    ],
    [
      args(
        'NodeAffinity',
        '{addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}',
      ),
      'must have at least one node selector term',
    ],
    [args('VolumeBinding', '{bindTimeoutSeconds: -1}'), 'should not be a negative value'],
    [args('DynamicResources', '{bindingTimeout: 10ms}'), 'must be at least 1 second'],
    [extender('prioritizeVerb: p'), 'extenders[0].weight: Invalid value: 0: must have a positive weight applied to it'],
    [extender('managedResources: [{name: cpu}]'), 'is an invalid extended resource name'],
    [extender('httpTimeout: soon'), 'extenders[0].httpTimeout: Invalid value: "soon": must be a duration such as 5s'],
    [
      `${head}extenders: [{filterVerb: f}]\n`,
      'extenders[0].urlPrefix: Invalid value: "": must be an http or https URL',
    ],
  ])('%j', (text, why) => {
    expect(() => parseSchedulerConfig(text)).toThrow(why);
    try {
      parseSchedulerConfig(text);
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });
});
