import { describe, expect, test } from 'vitest';
import type { Node } from '../../api/core/node.ts';
import type { Shared } from '../../api/kind.ts';
import { type Claim, findVolume, mismatch, type Volume } from './matching.ts';

const volume = (name: string, size: string, spec: object = {}, phase = 'Available') =>
  ({
    metadata: { name, labels: { name } },
    spec: { capacity: { storage: size }, accessModes: ['ReadWriteOnce'], ...spec },
    status: { phase },
  }) as unknown as Volume;

const claim = (size: string, spec: object = {}) =>
  ({
    metadata: { namespace: 'ns', name: 'c', uid: 'u' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...spec },
  }) as unknown as Claim;

const name = (found: Volume | undefined) => found?.metadata.name;

describe('a claim', () => {
  test('gets the smallest volume that is large enough', () => {
    expect(
      name(findVolume(claim('2Gi'), [volume('big', '10Gi'), volume('fit', '2048Mi'), volume('small', '1Gi')])),
    ).toBe('fit');
  });

  test('gets the one that is reserved for it, however large', () => {
    const reserved = volume('mine', '100Gi', { claimRef: { namespace: 'ns', name: 'c' } });
    expect(name(findVolume(claim('1Gi'), [volume('fit', '1Gi'), reserved]))).toBe('mine');
    const foreign = volume('theirs', '1Gi', { claimRef: { namespace: 'ns', name: 'c', uid: 'other' } });
    expect(findVolume(claim('1Gi'), [foreign])).toBeUndefined();
  });

  test.each([
    ['another class', { storageClassName: 'fast' }, 'storageClassName does not match'],
    ['another volume mode', { volumeMode: 'Block' }, 'incompatible volumeMode'],
    ['too few access modes', { accessModes: ['ReadOnlyMany'] }, 'incompatible accessMode'],
    ['too little room', { capacity: { storage: '1Mi' } }, 'requested PV is too small'],
  ])('does not get a volume with %s', (_, spec, why) => {
    expect(mismatch(volume('v', '1Gi', spec), claim('1Gi'))).toBe(why);
    expect(findVolume(claim('1Gi'), [volume('v', '1Gi', spec)])).toBeUndefined();
  });

  test('gets none that is used, released or not selected', () => {
    expect(findVolume(claim('1Gi'), [volume('v', '1Gi', {}, 'Released')])).toBeUndefined();
    const picky = claim('1Gi', { selector: { matchLabels: { name: 'b' } } });
    expect(name(findVolume(picky, [volume('a', '1Gi'), volume('b', '1Gi')]))).toBe('b');
  });

  test('gets one that the chosen node can reach', () => {
    const on = (zone: string) => ({
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }] },
      },
    });
    const node = { metadata: { name: 'n', labels: { zone: 'b' } } } as unknown as Shared<Node>;
    expect(name(findVolume(claim('1Gi'), [volume('a', '1Gi', on('a')), volume('b', '1Gi', on('b'))], node))).toBe('b');
  });
});
