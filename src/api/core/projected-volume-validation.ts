/** Validation of projected volumes: several sources in one directory. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type {
  ClusterTrustBundleProjection,
  PodCertificateProjection,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
} from '../types/core-v1.ts';
import { validateFileMode, validateLocalNonReservedPath, validatePresent } from './field-rules.ts';
import { validateDownwardFile, validateKeyToPath } from './volume-file-validation.ts';

/** Every source right, one kind each, and no file twice. */
export function validateProjectedVolume(projection: DeepReadonly<ProjectedVolumeSource>, path: string): FieldError[] {
  const errors = validateFileMode(projection.defaultMode, child(path, 'defaultMode'));
  const files = new Set<string>();
  const claim = (file: string | undefined, value: unknown) => {
    if (!file) return;
    if (files.has(file)) errors.push(invalid(path, value, 'conflicting duplicate paths'));
    files.add(file);
  };
  for (const [i, source] of (projection.sources ?? []).entries()) {
    const sourcePath = at(child(path, 'sources'), i);
    for (const key of ['secret', 'configMap'] as const) {
      const keyed = source[key];
      if (!keyed) continue;
      const keyedPath = child(sourcePath, key);
      errors.push(...validatePresent(keyed.name, child(keyedPath, 'name')));
      for (const [j, item] of (keyed.items ?? []).entries()) {
        errors.push(...validateKeyToPath(item, at(child(keyedPath, 'items'), j)));
        claim(item.path, keyed.name);
      }
    }
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...validateDownwardFile(file, child(sourcePath, 'downwardAPI')));
      claim(file.path, file.path);
    }
    const { serviceAccountToken, clusterTrustBundle, podCertificate } = source;
    if (serviceAccountToken) {
      errors.push(...validateToken(serviceAccountToken, child(sourcePath, 'serviceAccountToken'), path));
    }
    if (clusterTrustBundle) {
      errors.push(...validateTrustBundle(clusterTrustBundle, child(sourcePath, 'clusterTrustBundle')));
      claim(clusterTrustBundle.path, clusterTrustBundle.path);
    }
    if (podCertificate) {
      errors.push(...validatePodCertificate(podCertificate, child(sourcePath, 'podCertificate')));
      for (const file of [
        podCertificate.credentialBundlePath,
        podCertificate.keyPath,
        podCertificate.certificateChainPath,
      ]) {
        claim(file, file);
      }
    }
    if (Object.keys(source).length > 1) {
      errors.push(forbidden(sourcePath, 'may not specify more than 1 volume type per source'));
    } else if (Object.keys(source).length === 0) errors.push(required(sourcePath, 'must specify a volume type'));
  }
  return errors;
}

function validateToken(
  { expirationSeconds = 3600, path: file }: DeepReadonly<ServiceAccountTokenProjection>,
  path: string,
  volumePath: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const secondsPath = child(path, 'expirationSeconds');
  if (expirationSeconds < 600) {
    errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration less than 10 minutes'));
  }
  if (expirationSeconds > 2 ** 32) {
    errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
  }
  // Upstream reports the file's path on the volume and not on the source.
  const filePath = child(volumePath, 'path');
  return file ? [...errors, ...validateLocalNonReservedPath(file, filePath)] : [...errors, required(filePath)];
}

function validateTrustBundle(bundle: DeepReadonly<ClusterTrustBundleProjection>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined) {
    errors.push(invalid(path, bundle, 'only one of name and signerName may be used'));
  } else if (name !== undefined) {
    if (!name) errors.push(required(child(path, 'name'), 'must be a valid object name'));
    if (labelSelector) {
      errors.push(
        invalid(child(path, 'labelSelector'), labelSelector, 'labelSelector must be unset if name is specified'),
      );
    }
  } else if (signerName !== undefined) {
    if (!signerName) errors.push(required(child(path, 'signerName'), 'must be a valid signer name'));
    errors.push(...validateLabelSelector(labelSelector, child(path, 'labelSelector')));
  } else errors.push(required(path, 'either name or signerName must be specified'));
  return [
    ...errors,
    ...validatePresent(bundle.path, child(path, 'path')),
    ...validateLocalNonReservedPath(bundle.path, child(path, 'path')),
  ];
}

function validatePodCertificate(projection: DeepReadonly<PodCertificateProjection>, path: string): FieldError[] {
  const errors = validatePresent(projection.signerName, child(path, 'signerName'));
  const { credentialBundlePath, keyPath, certificateChainPath } = projection;
  if (!credentialBundlePath && !keyPath && !certificateChainPath) {
    const message = 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath';
    errors.push(required(path, message));
  }
  for (const [name, file] of Object.entries({ credentialBundlePath, keyPath, certificateChainPath })) {
    if (file) errors.push(...validateLocalNonReservedPath(file, child(path, name)));
  }
  return errors;
}
