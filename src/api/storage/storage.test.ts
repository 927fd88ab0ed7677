import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { CSIDriver } from './csi-driver.ts';
import { CSINode } from './csi-node.ts';
import { StorageClass } from './storage-class.ts';
import { VolumeAttachment } from './volume-attachment.ts';
import { VolumeAttributesClass } from './volume-attributes-class.ts';

describe('StorageClass', () => {
  const storageClass = (more: object = {}) => admitted(StorageClass, { provisioner: 'example.com/disk', ...more });

  it('deletes and binds at once by default', () => {
    expect(storageClass()).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    expect(createProblems(StorageClass, storageClass())).toEqual([]);
  });

  it('marks the default', () => {
    const metadata = { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } };
    expect(cells(StorageClass, storageClass({ metadata })).Name).toBe('x (default)');
  });

  it('keeps what volumes were made from', () => {
    expect(
      updateProblems(StorageClass, storageClass(), (c) => {
        c.parameters = { a: 'b' };
        c.provisioner = 'example.com/other';
        c.reclaimPolicy = 'Retain';
        c.volumeBindingMode = 'WaitForFirstConsumer';
      }),
    ).toEqual([
      'parameters: Forbidden: updates to parameters are forbidden.',
      'provisioner: Forbidden: updates to provisioner are forbidden.',
      'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ]);
  });

  it('is refused without a provisioner or with an unknown policy', () => {
    expect(createProblems(StorageClass, storageClass({ provisioner: '', reclaimPolicy: 'Recycle' }))).toEqual([
      'provisioner: Required value',
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
    ]);
  });
});

describe('drivers', () => {
  it('have defaults and a name that is a domain', () => {
    const driver = admitted(CSIDriver, { metadata: { name: 'disk.example.com' }, spec: {} });
    expect(driver.spec).toMatchObject({
      attachRequired: true,
      podInfoOnMount: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
    });
    expect(createProblems(CSIDriver, driver)).toEqual([]);
    expect(cells(CSIDriver, driver)).toMatchObject({ TokenRequests: '<unset>', Modes: 'Persistent' });
    expect(
      updateProblems(CSIDriver, driver, (d) => {
        d.spec.attachRequired = false;
      }),
    ).toEqual(['spec.attachedRequired: Invalid value: false: field is immutable']);
    const put = (spec: object) => updateProblems(CSIDriver, driver, (d) => Object.assign(d.spec, spec));
    expect(put({ fsGroupPolicy: 'File', podInfoOnMount: true, storageCapacity: true })).toEqual([]);
    expect(put({ serviceAccountTokenInSecrets: true, tokenRequests: [{ audience: 'a' }] })).toEqual([]);
    expect(put({ serviceAccountTokenInSecrets: false })).toEqual([
      'spec.serviceAccountTokenInSecrets: Invalid value: false: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
    ]);
  });

  it('are on a node once', () => {
    const driver = { name: 'disk.example.com', nodeID: 'n' };
    expect(createProblems(CSINode, admitted(CSINode, { spec: { drivers: [driver, driver] } }))).toEqual([
      'spec.drivers[1].name: Duplicate value: "disk.example.com"',
    ]);
  });
});

describe('VolumeAttachment', () => {
  it('attaches exactly one volume and is not changed', () => {
    const spec = { attacher: 'disk.example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } };
    const attachment = admitted(VolumeAttachment, { spec });
    expect(createProblems(VolumeAttachment, attachment)).toEqual([]);
    expect(createProblems(VolumeAttachment, admitted(VolumeAttachment, { spec: { ...spec, source: {} } }))).toEqual([
      'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
    ]);
    expect(
      updateProblems(VolumeAttachment, attachment, (a) => {
        a.spec.nodeName = 'm';
      })[0],
    ).toMatch(/^spec: Invalid value: .*: field is immutable$/);
  });
});

describe('VolumeAttributesClass', () => {
  it('says what to set', () => {
    expect(
      createProblems(VolumeAttributesClass, admitted(VolumeAttributesClass, { driverName: 'disk.example.com' })),
    ).toEqual(['parameters: Required value: must contain at least one key/value pair']);
  });
});
