/** Which events move which pods: only those that an event can help are tried again. */
import { describe, expect, it } from 'vitest';
import type { Shared } from '../api/kind.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import type { DeepPartial } from '../base/deep.ts';
import { node, pod, requests, world } from './test-world.ts';

type Objects = { readonly kind: string; readonly action?: 'add' | 'update' | 'delete'; object: unknown; old?: unknown };

function helps(plugin: string, waiting: Shared<Pod>, { kind, action, object, old }: Objects): boolean {
  const { framework } = world([]);
  const { definition, running } = framework.plugins.find((p) => p.definition.name === plugin)!;
  const event = { kind, action: action ?? (old ? 'update' : 'add'), object, old } as never;
  const listens = definition.events.some(
    (e) => e.kind === kind && e.actions.includes((event as { action: 'add' }).action),
  );
  return listens && (running.concerns?.(event) ?? true) && (running.helps?.(event, waiting) ?? true);
}

const spec = (given: object) => given as DeepPartial<Pod['spec']>;
const tainted = (name: string) => node(name, { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } });
const cordoned = (name: string) => node(name, { spec: { unschedulable: true } });
const big = (name: string, cpu: string): Shared<Node> => node(name, { cpu });
const waiting = pod('waiting', requests('6'), { uid: 'waiting' });
const same = pod('waiting', requests('1'), { uid: 'waiting' });
const other = pod('other', requests('1'));
const onDisk = (name: string, pdName: string) =>
  pod(name, spec({ containers: [], volumes: [{ name: 'd', gcePersistentDisk: { pdName } }] }));
const withClaim = (name: string, claimName: string) =>
  pod(name, spec({ containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] }));
const claim = (name: string, namespace = 'default') => ({
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
});
const near = pod(
  'near',
  spec({
    containers: [],
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'web' } } },
        ],
      },
    },
  }),
);
const spread = pod(
  'spread',
  spec({
    containers: [],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
      },
    ],
  }),
);
const web = pod('web', {}, { labels: { app: 'web' } });
const port = (name: string, hostPort: number) =>
  pod(name, spec({ containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, protocol: 'TCP' }] }] }));
const selecting = pod('selecting', spec({ containers: [], nodeSelector: { disk: 'ssd' } }));
const ssd = (name: string) => node(name, { labels: { disk: 'ssd' } });

describe('an event', () => {
  it.each<[string, string, Shared<Pod>, Objects, boolean]>([
    [
      'NodeUnschedulable',
      'a node that is uncordoned',
      waiting,
      { kind: 'Node', object: node('a'), old: cordoned('a') },
      true,
    ],
    [
      'NodeUnschedulable',
      'a node that was not cordoned',
      waiting,
      { kind: 'Node', object: ssd('a'), old: node('a') },
      false,
    ],
    ['NodeUnschedulable', 'a cordoned node', waiting, { kind: 'Node', object: cordoned('a') }, false],
    ['NodeUnschedulable', 'an update of the pod', waiting, { kind: 'Pod', object: same, old: waiting }, true],
    ['NodeUnschedulable', 'an update of another', waiting, { kind: 'Pod', object: other, old: other }, false],
    [
      'TaintToleration',
      'a taint that is taken away',
      waiting,
      { kind: 'Node', object: node('a'), old: tainted('a') },
      true,
    ],
    ['TaintToleration', 'a tainted node', waiting, { kind: 'Node', object: tainted('a') }, false],
    ['TaintToleration', 'a node that had no taint', waiting, { kind: 'Node', object: ssd('a'), old: node('a') }, false],
    ['TaintToleration', 'an update of another pod', waiting, { kind: 'Pod', object: other, old: other }, false],
    ['NodeAffinity', 'a node that matches', selecting, { kind: 'Node', object: ssd('a') }, true],
    [
      'NodeAffinity',
      'a node labelled so that it matches',
      selecting,
      { kind: 'Node', object: ssd('a'), old: node('a') },
      true,
    ],
    ['NodeAffinity', 'a node that matched before', selecting, { kind: 'Node', object: ssd('a'), old: ssd('a') }, false],
    ['NodeAffinity', 'a node that does not match', selecting, { kind: 'Node', object: node('a') }, false],
    [
      'NodePorts',
      'a pod with the port that goes',
      port('p', 80),
      { kind: 'Pod', action: 'delete', object: port('q', 80) },
      true,
    ],
    [
      'NodePorts',
      'a pod with another port',
      port('p', 80),
      { kind: 'Pod', action: 'delete', object: port('q', 81) },
      false,
    ],
    ['NodeResourcesFit', 'a node that is large enough', waiting, { kind: 'Node', object: big('a', '8') }, true],
    ['NodeResourcesFit', 'a node that is too small', waiting, { kind: 'Node', object: big('a', '4') }, false],
    [
      'NodeResourcesFit',
      'a node that grew',
      waiting,
      { kind: 'Node', object: big('a', '8'), old: big('a', '4') },
      true,
    ],
    [
      'NodeResourcesFit',
      'a large node that was labelled',
      waiting,
      { kind: 'Node', object: { ...ssd('a'), status: big('a', '8').status }, old: big('a', '8') },
      false,
    ],
    ['NodeResourcesFit', 'a pod that goes', waiting, { kind: 'Pod', action: 'delete', object: other }, true],
    ['NodeResourcesFit', 'a pod that starts', waiting, { kind: 'Pod', object: other }, false],
    [
      'VolumeRestrictions',
      'a pod with the claim that goes',
      withClaim('p', 'data'),
      { kind: 'Pod', action: 'delete', object: withClaim('q', 'data') },
      true,
    ],
    [
      'VolumeRestrictions',
      'a pod with another claim',
      withClaim('p', 'data'),
      { kind: 'Pod', action: 'delete', object: withClaim('q', 'logs') },
      false,
    ],
    [
      'VolumeRestrictions',
      'a pod with a disk that goes',
      onDisk('p', 'x'),
      { kind: 'Pod', action: 'delete', object: onDisk('q', 'x') },
      true,
    ],
    [
      'NodeVolumeLimits',
      'a pod with volumes that goes',
      withClaim('p', 'data'),
      { kind: 'Pod', action: 'delete', object: withClaim('q', 'x') },
      true,
    ],
    [
      'NodeVolumeLimits',
      'a pod without volumes',
      withClaim('p', 'data'),
      { kind: 'Pod', action: 'delete', object: other },
      false,
    ],
    [
      'VolumeBinding',
      'its claim',
      withClaim('p', 'data'),
      { kind: 'PersistentVolumeClaim', object: claim('data') },
      true,
    ],
    [
      'VolumeBinding',
      'another claim',
      withClaim('p', 'data'),
      { kind: 'PersistentVolumeClaim', object: claim('logs') },
      false,
    ],
    [
      'VolumeBinding',
      'a claim of that name elsewhere',
      withClaim('p', 'data'),
      { kind: 'PersistentVolumeClaim', object: claim('data', 'other') },
      false,
    ],
    [
      'VolumeBinding',
      'a node that is only alive',
      withClaim('p', 'data'),
      { kind: 'Node', object: node('a'), old: big('a', '8') },
      false,
    ],
    ['VolumeZone', 'its claim', withClaim('p', 'data'), { kind: 'PersistentVolumeClaim', object: claim('data') }, true],
    [
      'VolumeZone',
      'a volume whose labels stay',
      withClaim('p', 'data'),
      { kind: 'PersistentVolume', object: claim('v'), old: claim('v') },
      false,
    ],
    ['InterPodAffinity', 'a pod that it wants to be near', near, { kind: 'Pod', object: web }, true],
    ['InterPodAffinity', 'any other pod', near, { kind: 'Pod', object: other }, false],
    ['PodTopologySpread', 'a pod that counts', spread, { kind: 'Pod', action: 'delete', object: web }, true],
    ['PodTopologySpread', 'a pod that does not count', spread, { kind: 'Pod', action: 'delete', object: other }, false],
    ['PodTopologySpread', 'a node without the label', spread, { kind: 'Node', object: node('a') }, false],
    [
      'DynamicResources',
      'a node that is only alive',
      waiting,
      { kind: 'Node', object: node('a'), old: node('a') },
      false,
    ],
    [
      'DynamicResources',
      'a claim that is freed',
      waiting,
      {
        kind: 'ResourceClaim',
        object: { metadata: { uid: 'c' }, status: {} },
        old: { metadata: { uid: 'c' }, status: { allocation: { devices: {} } } },
      },
      true,
    ],
    [
      'DynamicResources',
      'a claim that is none of its own',
      waiting,
      { kind: 'ResourceClaim', object: { metadata: { uid: 'c' }, status: {} } },
      false,
    ],
  ])('%s: %s', (plugin, _, pending, event, expected) => {
    expect(helps(plugin, pending, event)).toBe(expected);
  });
});
