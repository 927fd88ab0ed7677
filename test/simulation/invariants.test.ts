/** Each rule that no controller can break by itself is shown a world in which it is broken. The others have mutants. */
import { expect, it } from 'vitest';
import { type Knowledge, violationsNow, violationsWhenQuiet } from './invariants.ts';
import type { World } from './world.ts';

const empty: World = {
  pods: [],
  nodes: [],
  deployments: [],
  replicaSets: [],
  statefulSets: [],
  daemonSets: [],
  jobs: [],
  cronJobs: [],
  services: [],
  quotas: [],
  configMaps: [],
  slices: [],
  revisions: [],
};
const known: Knowledge = {
  now: 0,
  maxSkewMs: 0,
  allowed: new Map(),
  lostPods: new Map(),
  shaky: new Set(),
  held: new Set(),
  succeeded: () => 0,
};
const world = (parts: Record<string, readonly object[]>) => ({ ...empty, ...parts }) as unknown as World;
const pod = (name: string, more: object) => ({
  kind: 'Pod',
  metadata: { name, uid: name },
  spec: { containers: [] },
  status: {},
  ...more,
});
const service = (name: string, spec: object) => ({ kind: 'Service', metadata: { name, uid: name }, spec });

it('says nothing about a cluster with nothing in it', () => {
  expect([...violationsNow(empty, known), ...violationsWhenQuiet(empty, known)]).toEqual([]);
});

it.each([
  [
    'pod address 10.0.0.1 is given twice',
    { pods: ['a', 'b'].map((name) => pod(name, { status: { phase: 'Running', podIP: '10.0.0.1' } })) },
  ],
  [
    'service address 10.96.0.9 is given twice',
    { services: ['a', 'b'].map((name) => service(name, { clusterIP: '10.96.0.9' })) },
  ],
  [
    'node port 30080 is given twice',
    { services: ['a', 'b'].map((name) => service(name, { clusterIP: 'None', ports: [{ nodePort: 30080 }] })) },
  ],
  [
    'node n has 2 pods, too many',
    {
      nodes: [{ kind: 'Node', metadata: { name: 'n' }, spec: {}, status: { allocatable: { cpu: '1', pods: '1' } } }],
      pods: ['a', 'b'].map((name) => pod(name, { spec: { nodeName: 'n', containers: [] } })),
    },
  ],
  [
    'cron job c has 2 jobs at once, which it forbids',
    {
      cronJobs: [{ metadata: { name: 'c', uid: 'c' }, spec: { concurrencyPolicy: 'Forbid' }, status: {} }],
      jobs: ['a', 'b'].map((name) => ({
        metadata: { name, uid: name, ownerReferences: [{ uid: 'c', controller: true }] },
        spec: {},
        status: {},
      })),
    },
  ],
])('finds that %s', (complaint, parts) => {
  expect(violationsNow(world(parts), known)).toEqual([complaint]);
});

it('lets ended pods give their address to others, and headless services have none', () => {
  const parts = {
    pods: [
      pod('a', { status: { phase: 'Succeeded', podIP: '10.0.0.1' } }),
      pod('b', { status: { phase: 'Running', podIP: '10.0.0.1' } }),
    ],
    services: ['a', 'b'].map((name) => service(name, { clusterIP: 'None' })),
  };
  expect(violationsNow(world(parts), known)).toEqual([]);
});

it('finds pods that nobody keeps any more', () => {
  const owned = pod('a', {
    metadata: { name: 'a', uid: 'a', ownerReferences: [{ kind: 'Job', name: 'j', uid: 'j', controller: true }] },
  });
  expect(violationsWhenQuiet(world({ pods: [owned] }), known)).toEqual(['Pod a outlives its owner Job j']);
});
