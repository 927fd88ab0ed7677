import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { VirtualClock } from '../../base/clock.ts';
import type { Draft } from '../../client/client.ts';
import { crossedSignals, pressureMessage, rankForEviction } from './eviction.ts';
import { hasStorageLimit, storageOverrun } from './local-storage.ts';
import { nodeEvents } from './node-events.ts';
import { nodeConditions } from './node-object.ts';
import { Pressures } from './pressures.ts';

const gibi = 1024 ** 3;
const plenty = { memoryAvailable: 8 * gibi, diskAvailable: 50, diskTotal: 100, inodesFree: 50, inodes: 100 };

function candidate(name: string, usage: number, { request = '0', priority = 0 } = {}) {
  const pod = {
    metadata: { name },
    spec: { priority, containers: [{ name: 'main', resources: { requests: { memory: request } } }] },
    status: {},
  } as unknown as Shared<Pod>;
  return { pod, usage };
}

describe('evictions', () => {
  it('begin below upstream’s hard thresholds', () => {
    expect(crossedSignals(plenty)).toEqual([]);
    expect(crossedSignals({ ...plenty, memoryAvailable: 99 * 1024 * 1024 })).toEqual(['memory']);
    expect(crossedSignals({ ...plenty, diskAvailable: 9, inodesFree: 4 })).toEqual(['disk', 'inodes']);
    expect(crossedSignals({ ...plenty, inodes: 0, inodesFree: 0 })).toEqual([]);
  });

  it('take those above their request first, then the least important, then the greediest, never critical ones', () => {
    const ranked = rankForEviction(
      [
        candidate('within', gibi, { request: '2Gi' }),
        candidate('important', 3 * gibi, { priority: 10 }),
        candidate('greedy', 2 * gibi),
        candidate('small', gibi / 2),
        candidate('critical', 9 * gibi, { priority: 2_000_001_000 }),
      ],
      'memory',
    );
    expect(ranked.map(({ pod }) => pod.metadata.name)).toEqual(['greedy', 'small', 'important', 'within']);
  });
});

describe('conditions of a node', () => {
  const fine = { problems: [], memoryPressure: false, diskPressure: false, pidPressure: false };
  it('say ready in upstream’s words, and keep the time of the last change', () => {
    const first = nodeConditions(fine, [], Date.UTC(2026, 0, 1));
    expect(first.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'MemoryPressure False KubeletHasSufficientMemory',
      'DiskPressure False KubeletHasNoDiskPressure',
      'PIDPressure False KubeletHasSufficientPID',
      'Ready True KubeletReady',
    ]);
    const later = nodeConditions({ ...fine, problems: ['no network'] }, first, Date.UTC(2026, 0, 2));
    expect(later[0]?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
    expect(later[3]).toMatchObject({
      status: 'False',
      reason: 'KubeletNotReady',
      message: 'no network',
      lastTransitionTime: '2026-01-02T00:00:00Z',
    });
  });
  it('tell of pressure', () => {
    const [memory, disk] = nodeConditions({ ...fine, memoryPressure: true, diskPressure: true }, [], 0);
    expect(memory).toMatchObject({
      status: 'True',
      reason: 'KubeletHasInsufficientMemory',
      message: 'kubelet has insufficient memory available',
    });
    expect(disk).toMatchObject({ status: 'True', reason: 'KubeletHasDiskPressure' });
  });
});

describe('why a pod is evicted', () => {
  const pod = (spec: Draft<Pod>['spec']) => ({ metadata: { name: 'p' }, spec, status: {} }) as unknown as Shared<Pod>;
  const limited = (name: string, limit: string) => ({ name, resources: { limits: { 'ephemeral-storage': limit } } });
  const usage = (emptyDirs: object, containers: object = {}) => ({
    emptyDirs: new Map(Object.entries(emptyDirs)) as Map<string, number>,
    containers: new Map(Object.entries(containers)) as Map<string, number>,
  });

  it('is what the node lacks, and which containers took more than they asked for', () => {
    const some = pod({
      containers: [
        { name: 'greedy', resources: { requests: { memory: '1Mi' } } },
        { name: 'modest', resources: { requests: { memory: '9Mi' } } },
      ],
    });
    const used = new Map([
      ['greedy', 2 * 1024 ** 2],
      ['modest', 2 * 1024 ** 2],
    ]);
    const resources = { ...plenty, memoryAvailable: 50 * 1024 ** 2 };
    expect(pressureMessage(some, { signal: 'memory', resources, used })).toBe(
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ' +
        'Container greedy was using 2Mi, request is 1Mi, has larger consumption of memory. ',
    );
    expect(pressureMessage(some, { signal: 'inodes', resources: { ...plenty, inodesFree: 4 }, used })).toBe(
      'The node was low on resource: inodes. Threshold quantity: 5, available: 4. ',
    );
  });

  it('is a volume that outgrew its limit, unless it is in memory or has none', () => {
    const some = pod({
      containers: [{ name: 'c' }],
      volumes: [
        { name: 'small', emptyDir: { sizeLimit: '1Mi' } },
        { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        { name: 'free', emptyDir: {} },
      ],
    });
    expect(hasStorageLimit(some)).toBe(true);
    expect(storageOverrun(some, usage({ small: 1024 ** 2, memory: gibi, free: gibi }))).toBeUndefined();
    expect(storageOverrun(some, usage({ small: 1024 ** 2 + 1 }))).toBe(
      'Usage of EmptyDir volume "small" exceeds the limit "1Mi". ',
    );
    expect(hasStorageLimit(pod({ containers: [{ name: 'c' }], volumes: [{ name: 'v', emptyDir: {} }] }))).toBe(false);
  });

  it('is a container or a pod that wrote more than its limit', () => {
    const some = pod({ containers: [limited('a', '1Mi'), limited('b', '3Mi')] });
    expect(storageOverrun(some, usage({}, { a: 1024 ** 2, b: 3 * 1024 ** 2 }))).toBeUndefined();
    expect(storageOverrun(some, usage({}, { a: 2 * 1024 ** 2, b: 0 }))).toBe(
      'Container a exceeded its local ephemeral storage limit "1Mi". ',
    );
    expect(storageOverrun(some, usage({ scratch: 1 }, { a: 1024 ** 2, b: 3 * 1024 ** 2 }))).toBe(
      'Pod ephemeral local storage usage exceeds the total limit of containers 4Mi. ',
    );
  });
});

describe('a pressure', () => {
  it('is told for five minutes after it was last seen', async () => {
    const clock = new VirtualClock();
    const pressures = new Pressures(clock);
    expect(pressures.current()).toEqual([]);
    pressures.note('inodes');
    expect(pressures.current()).toEqual(['DiskPressure']);
    await clock.advance(299_999);
    pressures.note('memory');
    expect(pressures.current()).toEqual(['DiskPressure', 'MemoryPressure']);
    await clock.advance(1);
    expect(pressures.current()).toEqual(['MemoryPressure']);
  });
});

describe('events of a node', () => {
  const fine = { problems: [], memoryPressure: false, diskPressure: false, pidPressure: false };
  const status = (health: object, bootID = 'one') =>
    ({ conditions: nodeConditions({ ...fine, ...health }, [], 0), nodeInfo: { bootID } }) as never;
  const said = (before: undefined | never, after: never) => nodeEvents('n1', before, after).map(({ reason }) => reason);

  it('tell of every condition of a new node, and afterwards of what changed', () => {
    expect(said(undefined, status({}))).toEqual([
      'NodeHasSufficientMemory',
      'NodeHasNoDiskPressure',
      'NodeHasSufficientPID',
      'NodeReady',
    ]);
    expect(said(status({}), status({}))).toEqual([]);
    expect(said(status({}), status({ diskPressure: true, problems: ['no network'] }))).toEqual([
      'NodeHasDiskPressure',
      'NodeNotReady',
    ]);
    expect(nodeEvents('n1', status({ memoryPressure: true }), status({}))).toEqual([
      { type: 'Normal', reason: 'NodeHasSufficientMemory', message: 'Node n1 status is now: NodeHasSufficientMemory' },
    ]);
  });

  it('tell of a reboot', () => {
    expect(nodeEvents('n1', status({}), status({}, 'two'))).toEqual([
      { type: 'Warning', reason: 'Rebooted', message: 'Node n1 has been rebooted, boot id: two' },
    ]);
  });
});
