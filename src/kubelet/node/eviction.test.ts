import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { crossedSignals, rankForEviction } from './eviction.ts';
import { nodeConditions } from './node-object.ts';

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
      message: '[no network]',
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
