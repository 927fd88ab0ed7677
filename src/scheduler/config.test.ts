import { describe, expect, it } from 'vitest';
import { parseSchedulerConfig } from './config.ts';

const head = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';

describe('the scheduler configuration', () => {
  it('reads profiles with their plugins, weights and arguments', () => {
    const config = parseSchedulerConfig(`${head}
percentageOfNodesToScore: 50
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  plugins:
    score:
      disabled: [{name: ImageLocality}]
      enabled: [{name: NodeResourcesFit, weight: 5}]
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated}}
`);
    expect(config.percentageOfNodesToScore).toBe(50);
    expect(config.profiles!.map((p) => p.schedulerName)).toEqual(['default-scheduler', 'packing']);
    expect(config.profiles![1]).toMatchObject({
      disable: ['ImageLocality'],
      enable: [{ name: 'NodeResourcesFit', weight: 5 }],
      pluginArgs: { NodeResourcesFit: { scoringStrategy: { type: 'MostAllocated' } } },
    });
  });

  it.each([
    ['apiVersion: v1\nkind: Pod\n', 'is known'],
    [`${head}percentageOfNodesToScore: 200\n`, 'between 0 and 100'],
    [`${head}profiles: [{schedulerName: a}, {schedulerName: a}]\n`, 'two profiles'],
    [`${head}podInitialBackoffSeconds: 20\n`, 'not above podMaxBackoffSeconds'],
  ])('refuses %j', (text, why) => {
    expect(() => parseSchedulerConfig(text)).toThrow(why);
  });
});
