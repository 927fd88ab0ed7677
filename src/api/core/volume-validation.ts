/** Validation of the volumes of a pod. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, duplicate, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '../machinery/names.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { HostPathVolumeSource, KeyToPath, Volume } from '../types/core-v1.ts';
import {
  invalidEach,
  validateFileMode,
  validateLocalDescendingPath,
  validateNoBacksteps,
  validateOptionalChoice,
  validatePresent,
} from './field-rules.ts';
import { validateClaimTemplate } from './persistent-volume-claim-validation.ts';
import { validateProjectedVolume } from './projected-volume-validation.ts';
import { validateDownwardFile, validateKeyToPath } from './volume-file-validation.ts';
import { validateCsiDriverName, vendorVolumeSources } from './volume-source-validation.ts';

type SharedVolume = DeepReadonly<Volume>;

/** The volumes, each with one source and a name of its own. The pod's name is known for real pods only. */
export function validateVolumes(
  volumes: readonly SharedVolume[] | undefined,
  podName: string | undefined,
  path: string,
): FieldError[] {
  const names = new Set<string>();
  return (volumes ?? []).flatMap((volume, i) => {
    const itemPath = at(path, i);
    const namePath = child(itemPath, 'name');
    const errors = validateVolumeSource(volume, podName, itemPath);
    if (!volume.name) errors.push(required(namePath));
    else {
      const problems = dns1123Label(volume.name);
      errors.push(...invalidEach(namePath, volume.name, problems));
      if (problems.length === 0 && names.has(volume.name)) errors.push(duplicate(namePath, volume.name));
      names.add(volume.name);
    }
    return errors;
  });
}

type SourceName = Exclude<keyof Volume, 'name'>;

const sourceValidators: { [K in SourceName]?: (source: NonNullable<SharedVolume[K]>, path: string) => FieldError[] } = {
  emptyDir: ({ sizeLimit }, path) =>
    (Quantity.tryParse(sizeLimit)?.sign() ?? 0) < 0
      ? [forbidden(child(path, 'sizeLimit'), 'SizeLimit field must be a valid resource quantity')]
      : [],
  hostPath: validateHostPath,
  gitRepo: ({ repository, directory }, path) => [
    ...validatePresent(repository, child(path, 'repository')),
    ...validateLocalDescendingPath(directory ?? '', child(path, 'directory')),
  ],
  secret: ({ secretName, defaultMode, items }, path) => [
    ...validatePresent(secretName, child(path, 'secretName')),
    ...validateFileMode(defaultMode, child(path, 'defaultMode')),
    ...validateItems(items, child(path, 'items')),
  ],
  configMap: ({ name, defaultMode, items }, path) => [
    ...validatePresent(name, child(path, 'name')),
    ...validateFileMode(defaultMode, child(path, 'defaultMode')),
    ...validateItems(items, child(path, 'items')),
  ],
  persistentVolumeClaim: ({ claimName }, path) => validatePresent(claimName, child(path, 'claimName')),
  downwardAPI: ({ defaultMode, items }, path) => [
    ...validateFileMode(defaultMode, child(path, 'defaultMode')),
    ...(items ?? []).flatMap((item) => validateDownwardFile(item, path)),
  ],
  projected: validateProjectedVolume,
  csi: ({ driver, nodePublishSecretRef }, path) => {
    const errors = validateCsiDriverName(driver, child(path, 'driver'));
    if (!nodePublishSecretRef) return errors;
    const { name = '' } = nodePublishSecretRef;
    if (!name) return [...errors, required(child(path, 'nodePublishSecretRef.name'))];
    return [...errors, ...invalidEach(child(path, 'name'), name, dns1123Subdomain(name))];
  },
  ephemeral: ({ volumeClaimTemplate }, path) => {
    const templatePath = child(path, 'volumeClaimTemplate');
    return volumeClaimTemplate ? validateClaimTemplate(volumeClaimTemplate, templatePath) : [required(templatePath)];
  },
  image: ({ reference, pullPolicy }, path) => [
    ...validatePresent(reference, child(path, 'reference')),
    ...validateOptionalChoice(pullPolicy, ['Always', 'IfNotPresent', 'Never'], child(path, 'pullPolicy')),
  ],
  ...vendorVolumeSources,
};

function validateVolumeSource(volume: SharedVolume, podName: string | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let sources = 0;
  for (const name of Object.keys(sourceValidators) as SourceName[]) {
    const source = volume[name];
    if (source === undefined) continue;
    if (sources++ > 0) {
      errors.push(forbidden(child(path, name), 'may not specify more than 1 volume type'));
      continue;
    }
    const validate = sourceValidators[name] as (source: unknown, path: string) => FieldError[];
    errors.push(...validate(source, child(path, name)));
  }
  if (sources === 0) errors.push(required(path, 'must specify a volume type'));
  if (volume.ephemeral && podName && volume.name) {
    const claim = `${podName}-${volume.name}`;
    for (const message of dns1123Subdomain(claim)) {
      errors.push(invalid(child(path, 'name'), volume.name, `PVC name ${JSON.stringify(claim)}: ${message}`));
    }
  }
  const portal = volume.iscsi?.targetPortal;
  if (volume.iscsi?.initiatorName !== undefined && `${volume.name}:${portal}`.length > 64) {
    const message =
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
    errors.push(invalid(child(path, 'name'), volume.name, message));
  }
  return errors;
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** A path on the node; persistent volumes have them too. */
export function validateHostPath(source: DeepReadonly<HostPathVolumeSource>, path: string): FieldError[] {
  if (!source.path) return [required(child(path, 'path'))];
  return [
    ...validateNoBacksteps(source.path, child(path, 'path')),
    ...validateOptionalChoice(source.type, hostPathTypes, child(path, 'type')),
  ];
}

function validateItems(items: readonly DeepReadonly<KeyToPath>[] | undefined, path: string): FieldError[] {
  return (items ?? []).flatMap((item, i) => validateKeyToPath(item, at(path, i)));
}
