/** Defaults of pods and of the pod templates in other kinds. */
import type { Container, Pod, PodSpec, PodTemplateSpec, Probe, Volume } from '../types/core-v1.ts';
import { setClaimSpecDefaults } from './persistent-volume-claim-defaults.ts';
import { setPodLevelResourceDefaults } from './pod-level-resources.ts';
import { roundResourceList } from './resource-list.ts';

/** Sets what upstream sets on a Pod only: requests from limits, host ports, service links. */
export function setPodDefaults(pod: Pod): void {
  setPodSpecDefaults(pod.spec);
  // podIP is the first of podIPs; where they differ, podIP wins.
  const { podIP, podIPs } = pod.status;
  if (podIP && podIP !== podIPs?.[0]?.ip) pod.status.podIPs = [{ ip: podIP }];
  else if (!podIP && podIPs?.length) pod.status.podIP = podIPs[0]!.ip;
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const { limits } = container.resources;
    if (limits) container.resources.requests = { ...limits, ...container.resources.requests };
  }
  setPodLevelResourceDefaults(pod.spec);
  pod.spec.enableServiceLinks ??= true;
  if (!pod.spec.hostNetwork) return;
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
}

/** Sets the defaults of a pod template; an absent template stays absent. */
export function setPodTemplateDefaults(template: PodTemplateSpec | undefined): void {
  if (template) setPodSpecDefaults(template.spec);
}

/** Sets the defaults that pods and templates share. */
export function setPodSpecDefaults(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // Older clients write the deprecated name of this field, newer ones read it: both are kept equal.
  spec.serviceAccountName ||= spec.serviceAccount;
  if (!spec.serviceAccountName) delete spec.serviceAccountName;
  else spec.serviceAccount = spec.serviceAccountName;
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  for (const container of spec.initContainers ?? []) setContainerDefaults(container);
  for (const container of spec.containers) setContainerDefaults(container);
  for (const container of spec.ephemeralContainers ?? []) setContainerDefaults(container as Container);
  roundResourceList(spec.overhead);
  roundResourceList(spec.resources?.limits);
  roundResourceList(spec.resources?.requests);
}

function setContainerDefaults(container: Container): void {
  container.imagePullPolicy ||= isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  roundResourceList(container.resources.limits);
  roundResourceList(container.resources.requests);
  for (const env of container.env ?? []) {
    if (env.valueFrom?.fieldRef) env.valueFrom.fieldRef.apiVersion ||= 'v1';
    if (env.valueFrom?.resourceFieldRef) env.valueFrom.resourceFieldRef.divisor ||= '0';
    if (env.valueFrom?.fileKeyRef) env.valueFrom.fileKeyRef.optional ??= false;
  }
  setProbeDefaults(container.livenessProbe);
  setProbeDefaults(container.readinessProbe);
  setProbeDefaults(container.startupProbe);
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet) setHttpGetDefaults(handler.httpGet);
  }
  const mode = container.securityContext;
  if (mode?.procMount === '') delete mode.procMount;
}

function setProbeDefaults(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) setHttpGetDefaults(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function setHttpGetDefaults(action: { path?: string; scheme?: string }): void {
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

/** Whether an image reference names the tag `latest`, by itself or by naming neither tag nor digest. */
export function isLatest(image: string): boolean {
  if (!image || image.includes('@')) return /:latest@/.test(image);
  const colon = image.lastIndexOf(':');
  return colon <= image.lastIndexOf('/') || image.slice(colon + 1) === 'latest';
}

const volumeSourceNames = (volume: Volume) => Object.keys(volume).filter((key) => key !== 'name');

function setVolumeDefaults(volume: Volume): void {
  if (volumeSourceNames(volume).length === 0) volume.emptyDir = {};
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (source) source.defaultMode ??= 0o644;
  }
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image) volume.image.pullPolicy ||= isLatest(volume.image.reference ?? '') ? 'Always' : 'IfNotPresent';
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd';
    volume.rbd.user ||= 'admin';
    volume.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite';
    volume.azureDisk.kind ??= 'Shared';
    volume.azureDisk.fsType ??= 'ext4';
    volume.azureDisk.readOnly ??= false;
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned';
    volume.scaleIO.fsType ||= 'xfs';
  }
  for (const source of volume.projected?.sources ?? []) {
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
    if (source.podCertificate) source.podCertificate.maxExpirationSeconds ??= 86400;
    setDownwardDefaults(source.downwardAPI?.items);
  }
  setDownwardDefaults(volume.downwardAPI?.items);
  if (volume.ephemeral?.volumeClaimTemplate) setClaimSpecDefaults(volume.ephemeral.volumeClaimTemplate.spec);
}

function setDownwardDefaults(
  items: { fieldRef?: { apiVersion?: string }; resourceFieldRef?: { divisor?: string } }[] | undefined,
): void {
  for (const item of items ?? []) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ||= '0';
  }
}
