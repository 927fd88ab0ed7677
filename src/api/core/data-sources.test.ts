import { describe, expect, it } from 'vitest';
import { admitted, updateProblems } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { PersistentVolumeClaim } from './persistent-volume-claim.ts';

const claim = (more: object) =>
  admitted(PersistentVolumeClaim, {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...more },
  });
const sources = ({ spec: { dataSource, dataSourceRef } }: PersistentVolumeClaim) => ({ dataSource, dataSourceRef });
const other = { kind: 'PersistentVolumeClaim', name: 'other' };
const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
const populator = { apiGroup: 'example.com', kind: 'Populator', name: 'p' };

describe('what a claim is filled from', () => {
  it.each([
    ['another claim', { dataSource: other }, { dataSource: other, dataSourceRef: other }],
    ['a snapshot', { dataSource: snapshot }, { dataSource: snapshot, dataSourceRef: snapshot }],
    ['a populator, by reference', { dataSourceRef: populator }, { dataSource: populator, dataSourceRef: populator }],
    ['nothing, when it is a populator otherwise', { dataSource: populator }, {}],
    ['nothing of another namespace', { dataSourceRef: { ...other, namespace: 'n' } }, {}],
  ])('is %s', (_what, given, expected) => {
    expect(sources(claim(given))).toEqual(expected);
  });

  it('stays with clients that know of one field only', () => {
    const old = claim({ dataSourceRef: populator });
    const sent = structuredClone(old);
    delete sent.spec.dataSourceRef;
    PersistentVolumeClaim.prepareUpdate!(sent, old as Shared<PersistentVolumeClaim>, { now: 0 });
    expect(sources(sent)).toEqual({ dataSource: populator, dataSourceRef: populator });
    expect(updateProblems(PersistentVolumeClaim, old, (c) => delete c.spec.dataSourceRef)).toEqual([]);
  });
});
