/** Validation of where containers mount the pod's volumes. */
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  type FieldError,
  forbidden,
  invalid,
  notFoundField,
  notSupported,
  required,
} from '../machinery/field-error.ts';
import type { Container, Volume, VolumeMount } from '../types/core-v1.ts';
import { validateLocalDescendingPath, validateNoBacksteps } from './field-rules.ts';

export type VolumesByName = ReadonlyMap<string, DeepReadonly<Volume>>;

/** The mounts of a container. */
export function validateVolumeMounts(
  container: DeepReadonly<Container>,
  volumes: VolumesByName,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const mountPaths = new Set<string>();
  const devices = new Map((container.volumeDevices ?? []).map((d) => [d.name, d.devicePath]));
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const itemPath = at(path, i);
    const volume = volumes.get(mount.name);
    if (!mount.name) errors.push(required(child(itemPath, 'name')));
    if (!volume) errors.push(notFoundField(child(itemPath, 'name'), mount.name));
    if (!mount.mountPath) errors.push(required(child(itemPath, 'mountPath')));
    if (mountPaths.has(mount.mountPath)) {
      errors.push(invalid(child(itemPath, 'mountPath'), mount.mountPath, 'must be unique'));
    }
    mountPaths.add(mount.mountPath);
    if (devices.has(mount.name)) {
      errors.push(invalid(child(itemPath, 'name'), mount.name, 'must not already exist in volumeDevices'));
    }
    if ([...devices.values()].includes(mount.mountPath)) {
      const message = 'must not already exist as a path in volumeDevices';
      errors.push(invalid(child(itemPath, 'mountPath'), mount.mountPath, message));
    }
    errors.push(...validateSubPaths(mount, { path, itemPath }));
    errors.push(...validatePropagation(mount, container, child(path, 'mountPropagation')));
    errors.push(...validateRecursiveReadOnly(mount, child(path, 'recursiveReadOnly')));
  }
  return errors;
}

/** Upstream reports some of these on the list and not on the element; clients compare the paths. */
function validateSubPaths(
  { subPath, subPathExpr }: DeepReadonly<VolumeMount>,
  { path, itemPath }: { path: string; itemPath: string },
): FieldError[] {
  const errors = subPath ? validateLocalDescendingPath(subPath, child(path, 'subPath')) : [];
  if (!subPathExpr) return errors;
  if (subPath) {
    errors.push(invalid(child(itemPath, 'subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
  }
  return [...errors, ...validateLocalDescendingPath(subPathExpr, child(path, 'subPathExpr'))];
}

function validatePropagation(
  { mountPropagation }: DeepReadonly<VolumeMount>,
  { securityContext }: DeepReadonly<Container>,
  path: string,
): FieldError[] {
  if (mountPropagation === undefined) return [];
  const supported = ['Bidirectional', 'HostToContainer', 'None'];
  if (!supported.includes(mountPropagation)) return [notSupported(path, mountPropagation, supported)];
  return mountPropagation === 'Bidirectional' && !securityContext?.privileged
    ? [forbidden(path, 'Bidirectional mount propagation is available only to privileged containers')]
    : [];
}

function validateRecursiveReadOnly(mount: DeepReadonly<VolumeMount>, path: string): FieldError[] {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return [];
  if (mode !== 'Enabled' && mode !== 'IfPossible')
    return [notSupported(path, mode, ['Disabled', 'Enabled', 'IfPossible'])];
  const errors: FieldError[] = [];
  if (!mount.readOnly) errors.push(forbidden(path, 'may only be specified when readOnly is true'));
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    errors.push(forbidden(path, 'may only be specified when mountPropagation is None or not specified'));
  }
  return errors;
}

/** The raw block devices of a container. */
export function validateVolumeDevices(
  container: DeepReadonly<Container>,
  volumes: VolumesByName,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const paths = new Set<string>();
  const mounts = new Map((container.volumeMounts ?? []).map((m) => [m.name, m.mountPath]));
  for (const [i, { name, devicePath }] of (container.volumeDevices ?? []).entries()) {
    const namePath = child(at(path, i), 'name');
    const pathPath = child(at(path, i), 'devicePath');
    const volume = volumes.get(name);
    if (!name) errors.push(required(namePath));
    if (names.has(name)) errors.push(invalid(namePath, name, 'must be unique'));
    if (!volume) errors.push(notFoundField(namePath, name));
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      const message = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      errors.push(invalid(namePath, name, message));
    }
    if (!devicePath) errors.push(required(pathPath));
    if (paths.has(devicePath)) errors.push(invalid(pathPath, devicePath, 'must be unique'));
    if (devicePath && validateNoBacksteps(devicePath, pathPath).length) {
      errors.push(invalid(pathPath, devicePath, "can not contain backsteps ('..')"));
    } else paths.add(devicePath);
    if (mounts.has(name)) errors.push(invalid(namePath, name, 'must not already exist in volumeMounts'));
    if ([...mounts.values()].includes(devicePath)) {
      errors.push(invalid(pathPath, devicePath, 'must not already exist as a path in volumeMounts'));
    }
    if (name) names.add(name);
  }
  return errors;
}
