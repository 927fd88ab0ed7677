/** Validation of the volume sources of storage systems, most of which drivers replaced; pods and volumes share it. */
import type { DeepReadonly } from '../../base/deep.ts';
import { child, type FieldError, invalid, notSupported, required, tooLong } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, inclusiveRange } from '../machinery/names.ts';
import type { FCVolumeSource, ISCSIVolumeSource, Volume } from '../types/core-v1.ts';
import { invalidEach, validatePresent } from './field-rules.ts';

type Source<K extends keyof Volume> = NonNullable<DeepReadonly<Volume>[K]>;

/** Required fields by name. */
const requires =
  <T extends object>(...names: (keyof T & string)[]) =>
  (source: T, path: string): FieldError[] =>
    names.flatMap((name) => validatePresent(source[name] as string | undefined, child(path, name)));

/** The name of a storage driver. */
export function validateCsiDriverName(name: string, path: string): FieldError[] {
  const errors = name ? [] : [required(path)];
  if (name.length > 63) errors.push(tooLong(path, '', 63));
  return [...errors, ...invalidEach(path, name, dns1123Subdomain(name.toLowerCase()))];
}

function validatePartition(partition: number | undefined, path: string): FieldError[] {
  return partition !== undefined && (partition < 0 || partition > 255)
    ? [invalid(child(path, 'partition'), partition, inclusiveRange(1, 255))]
    : [];
}

const iqnPatterns: Record<string, RegExp> = {
  iqn: /iqn\.\d{4}-\d{2}\.([^:.]+)(\.[^:.]+)*(:.*)?$/,
  eui: /^eui\.[0-9a-zA-Z]{16}$/,
  naa: /^naa\.[0-9a-zA-Z]{32}$/,
};

function validateIqn(name: string, path: string): FieldError[] {
  const pattern = iqnPatterns[name.slice(0, 3)];
  if (!pattern) return [invalid(path, name, 'must be valid format starting with iqn, eui, or naa')];
  return pattern.test(name) ? [] : [invalid(path, name, 'must be valid format')];
}

/** An iSCSI disk. */
export function validateIscsi(
  iscsi: DeepReadonly<Omit<ISCSIVolumeSource, 'secretRef'> & { secretRef?: { name?: string } }>,
  path: string,
): FieldError[] {
  const errors = validatePresent(iscsi.targetPortal, child(path, 'targetPortal'));
  errors.push(...(iscsi.iqn ? validateIqn(iscsi.iqn, child(path, 'iqn')) : [required(child(path, 'iqn'))]));
  if (iscsi.lun < 0 || iscsi.lun > 255) errors.push(invalid(child(path, 'lun'), iscsi.lun, inclusiveRange(0, 255)));
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !iscsi.secretRef) {
    errors.push(required(child(path, 'secretRef')));
  }
  if (iscsi.initiatorName !== undefined) {
    errors.push(...validateIqn(iscsi.initiatorName, child(path, 'initiatorname')));
  }
  return errors;
}

/** A Fibre Channel disk. */
export function validateFc(fc: DeepReadonly<FCVolumeSource>, path: string): FieldError[] {
  const { targetWWNs = [], wwids = [], lun } = fc;
  const wwnPath = child(path, 'targetWWNs');
  const errors: FieldError[] = [];
  if (!targetWWNs.length && !wwids.length) {
    errors.push(required(wwnPath, 'must specify either targetWWNs or wwids, but not both'));
  }
  if (targetWWNs.length && wwids.length) {
    errors.push(invalid(wwnPath, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'));
  }
  if (!targetWWNs.length) return errors;
  if (lun === undefined) errors.push(required(child(path, 'lun'), 'lun is required if targetWWNs is specified'));
  else if (lun < 0 || lun > 255) errors.push(invalid(child(path, 'lun'), lun, inclusiveRange(0, 255)));
  return errors;
}

function validateFlexVolume(
  { driver, options }: Pick<Source<'flexVolume'>, 'driver' | 'options'>,
  path: string,
): FieldError[] {
  const errors = validatePresent(driver, child(path, 'driver'));
  for (const key of Object.keys(options ?? {})) {
    const domain = `.${key.split('/')[0]!.toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) {
      errors.push(invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'));
    }
  }
  return errors;
}

function validateNfs({ server, path: exported }: Source<'nfs'>, path: string): FieldError[] {
  const errors = [...validatePresent(server, child(path, 'server')), ...validatePresent(exported, child(path, 'path'))];
  if (!exported.startsWith('/')) errors.push(invalid(child(path, 'path'), exported, 'must be an absolute path'));
  return errors;
}

function validateFlocker({ datasetName, datasetUUID }: Source<'flocker'>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!datasetName && !datasetUUID) errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID) {
    errors.push(invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (datasetName?.includes('/')) errors.push(invalid(child(path, 'datasetName'), datasetName, "must not contain '/'"));
  return errors;
}

function validateAzureDisk(disk: Source<'azureDisk'>, path: string): FieldError[] {
  const errors = requires<Source<'azureDisk'>>('diskName', 'diskURI')(disk, path);
  const choices = { cachingMode: ['None', 'ReadOnly', 'ReadWrite'], kind: ['Dedicated', 'Managed', 'Shared'] } as const;
  for (const name of ['cachingMode', 'kind'] as const) {
    const value = disk[name];
    if (value !== undefined && !(choices[name] as readonly string[]).includes(value)) {
      errors.push(notSupported(child(path, name), value, choices[name]));
    }
  }
  const managed = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
  const blob = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';
  if (disk.kind === 'Managed' && !disk.diskURI.startsWith('/subscriptions/')) {
    errors.push(notSupported(child(path, 'diskURI'), disk.diskURI, [managed]));
  } else if (disk.kind !== undefined && disk.kind !== 'Managed' && !disk.diskURI.startsWith('https://')) {
    errors.push(notSupported(child(path, 'diskURI'), disk.diskURI, [blob]));
  }
  return errors;
}

function validateQuobyte({ registry, volume, tenant }: Source<'quobyte'>, path: string): FieldError[] {
  const message = 'must be a host:port pair or multiple pairs separated by commas';
  const errors: FieldError[] = [];
  if (!registry) errors.push(required(child(path, 'registry'), message));
  else if ((tenant?.length ?? 0) >= 65) {
    errors.push(required(child(path, 'tenant'), 'must be a UUID and may not exceed a length of 64 characters'));
  } else {
    for (const pair of registry.split(',')) {
      if (!/^(\[[^\]]*\]|[^:[\]]*):[^:]*$/.test(pair)) errors.push(invalid(child(path, 'registry'), registry, message));
    }
  }
  return [...errors, ...validatePresent(volume, child(path, 'volume'))];
}

function validateStorageOs(
  { volumeName, volumeNamespace, secretRef }: Source<'storageos'>,
  path: string,
): FieldError[] {
  const errors = validatePresent(volumeName, child(path, 'volumeName'));
  for (const [name, value] of Object.entries({ volumeName, volumeNamespace })) {
    if (value) errors.push(...invalidEach(child(path, name), value, dns1123Label(value)));
  }
  if (secretRef && !secretRef.name) errors.push(required(child(path, 'secretRef.name')));
  return errors;
}

function validateCephFs({ monitors }: { readonly monitors: readonly string[] }, path: string): FieldError[] {
  return monitors.length ? [] : [required(child(path, 'monitors'))];
}

function validateRbd(
  rbd: { readonly monitors: readonly string[]; readonly image: string },
  path: string,
): FieldError[] {
  return [...validateCephFs(rbd, path), ...validatePresent(rbd.image, child(path, 'image'))];
}

/** Validators by the name of the source; the sources of pods and of persistent volumes are alike in what these check. */
export const vendorVolumeSources = {
  gcePersistentDisk: (disk: Source<'gcePersistentDisk'>, path: string) => [
    ...validatePresent(disk.pdName, child(path, 'pdName')),
    ...validatePartition(disk.partition, path),
  ],
  awsElasticBlockStore: (disk: Source<'awsElasticBlockStore'>, path: string) => [
    ...validatePresent(disk.volumeID, child(path, 'volumeID')),
    ...validatePartition(disk.partition, path),
  ],
  nfs: validateNfs,
  iscsi: validateIscsi,
  glusterfs: requires<Source<'glusterfs'>>('endpoints', 'path'),
  flocker: validateFlocker,
  rbd: validateRbd,
  cinder: (cinder: { readonly volumeID: string; readonly secretRef?: { readonly name?: string } }, path: string) => [
    ...validatePresent(cinder.volumeID, child(path, 'volumeID')),
    ...(cinder.secretRef && !cinder.secretRef.name ? [required(child(path, 'secretRef.name'))] : []),
  ],
  cephfs: validateCephFs,
  quobyte: validateQuobyte,
  fc: validateFc,
  flexVolume: validateFlexVolume,
  azureFile: requires<Source<'azureFile'>>('secretName', 'shareName'),
  vsphereVolume: requires<Source<'vsphereVolume'>>('volumePath'),
  photonPersistentDisk: requires<Source<'photonPersistentDisk'>>('pdID'),
  portworxVolume: requires<Source<'portworxVolume'>>('volumeID'),
  azureDisk: validateAzureDisk,
  storageos: validateStorageOs,
  scaleIO: requires<{ gateway: string; system: string; volumeName?: string }>('gateway', 'system', 'volumeName'),
};
