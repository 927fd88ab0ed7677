import type { Pod } from '../../api/core/pod.ts';
import { ServiceAccount } from '../../api/core/service-account.ts';
import type { Shared } from '../../api/kind.ts';
import type { Container, Volume } from '../../api/types/core-v1.ts';
import { mutableCopy } from '../../base/deep.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const mirrorAnnotation = 'kubernetes.io/config.mirror';
const enforceAnnotation = 'kubernetes.io/enforce-mountable-secrets';
const volumePrefix = 'kube-api-access-';
/** An hour and a little, so that the kubelet's tokens can be told from others. */
const tokenSeconds = 3607;
/** A namespace's default account is made a moment after the namespace: pods made in between wait at most that long. */
const accountWaitMs = 1000;

/** Gives pods a service account, its token and its image pull secrets (upstream plugin/pkg/admission/serviceaccount). */
export const serviceAccount = defineAdmissionPlugin({
  name: 'ServiceAccount',
  order: 70,
  enabledByDefault: true,
  handles: (request) =>
    (request.operation === 'CREATE' && isCore(request, 'pods')) ||
    (request.operation === 'UPDATE' && isCore(request, 'pods', 'ephemeralcontainers')),
  create(environment) {
    const accounts = environment.informers.informer(ServiceAccount);

    /** Resolves when the account appears, or undefined after a while. */
    function awaitAccount(namespace: string, name: string): Promise<Shared<ServiceAccount> | undefined> {
      return new Promise((resolve) => {
        const settle = (account: Shared<ServiceAccount> | undefined) => {
          timer.cancel();
          remove();
          resolve(account);
        };
        const timer = environment.clock.after(accountWaitMs, () => settle(undefined));
        const remove = accounts.addHandler({
          onAdd(account) {
            if (account.metadata.namespace === namespace && account.metadata.name === name) {
              queueMicrotask(() => settle(account));
            }
          },
        });
      });
    }

    async function find(request: AdmissionRequest, name: string): Promise<Shared<ServiceAccount>> {
      const { namespace } = request;
      const found =
        accounts.get(namespace, name) ??
        (await environment.client.find(ServiceAccount, { namespace, name })) ??
        (name === 'default' ? await awaitAccount(namespace, name) : undefined);
      if (found) return found;
      throw refusal(
        request,
        `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
      );
    }

    return {
      mutate(request) {
        const pod = request.object as Pod;
        if (request.subresource) return;
        if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) return assertMirrorPod(request, pod);
        if (!pod.spec.serviceAccountName) pod.spec.serviceAccountName = 'default';
        const known = accounts.get(request.namespace, pod.spec.serviceAccountName);
        if (known) return complete(environment, pod, known);
        return find(request, pod.spec.serviceAccountName).then((account) => complete(environment, pod, account));
      },
      validate(request) {
        const pod = request.object as Pod;
        if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) return;
        const known = accounts.get(request.namespace, pod.spec.serviceAccountName ?? '');
        if (known) return assertMountable(request, pod, known);
        return find(request, pod.spec.serviceAccountName ?? '').then((account) =>
          assertMountable(request, pod, account),
        );
      },
    };
  },
});

function complete(environment: AdmissionEnvironment, pod: Pod, account: Shared<ServiceAccount>): void {
  if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) {
    mountToken(environment, pod);
  }
  if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
    pod.spec.imagePullSecrets = mutableCopy(account.imagePullSecrets);
  }
}

function mountToken(environment: AdmissionEnvironment, pod: Pod): void {
  const existing = pod.spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix));
  const name = existing?.name ?? `${volumePrefix}${environment.random.suffix(5)}`;
  let mounted = false;
  const mount = (container: Container) => {
    if (container.volumeMounts?.some((m) => m.mountPath === mountPath)) return;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    mounted = true;
  };
  pod.spec.initContainers?.forEach(mount);
  pod.spec.containers.forEach(mount);
  if (mounted && !existing) pod.spec.volumes = [...(pod.spec.volumes ?? []), tokenVolume(name)];
}

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: tokenSeconds } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
});

function assertMirrorPod(request: AdmissionRequest, pod: Pod): void {
  if (pod.spec.serviceAccountName) throw refusal(request, 'a mirror pod may not reference service accounts');
  if (secretNames(pod).length) throw refusal(request, 'a mirror pod may not reference secrets');
  const projects = pod.spec.volumes?.some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken));
  if (projects) throw refusal(request, 'a mirror pod may not use ServiceAccountToken volume projections');
}

/** Every secret that a pod's volumes and containers name, with where it is named. */
function secretNames(pod: Shared<Pod>): { name: string; where: string }[] {
  const out: { name: string; where: string }[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    if (volume.secret?.secretName) out.push({ name: volume.secret.secretName, where: `Volume with secret` });
    for (const source of volume.projected?.sources ?? []) {
      if (source.secret?.name) out.push({ name: source.secret.name, where: 'Volume with projected secret' });
    }
  }
  const groups: [string, readonly Shared<Container>[]][] = [
    ['Init container', pod.spec.initContainers ?? []],
    ['Container', pod.spec.containers],
    ['Ephemeral container', (pod.spec.ephemeralContainers ?? []) as readonly Shared<Container>[]],
  ];
  for (const [kind, containers] of groups) {
    for (const container of containers) {
      for (const env of container.env ?? []) {
        const name = env.valueFrom?.secretKeyRef?.name;
        if (name) out.push({ name, where: `${kind} ${container.name} with envVar ${env.name} referencing secret` });
      }
      for (const from of container.envFrom ?? []) {
        if (from.secretRef?.name) {
          out.push({ name: from.secretRef.name, where: `${kind} ${container.name} with envFrom referencing secret` });
        }
      }
    }
  }
  return out;
}

/** Service accounts annotated so limit which secrets their pods may name. */
function assertMountable(request: AdmissionRequest, pod: Shared<Pod>, account: Shared<ServiceAccount>): void {
  if (account.metadata.annotations?.[enforceAnnotation]?.toLowerCase() !== 'true') return;
  const allowed = new Set((account.secrets ?? []).map((ref) => ref.name));
  const pulls = new Set((account.imagePullSecrets ?? []).map((ref) => ref.name));
  const name = JSON.stringify(account.metadata.name);
  for (const secret of secretNames(pod)) {
    if (allowed.has(secret.name)) continue;
    throw refusal(
      request,
      `${secret.where}.secretName=${JSON.stringify(secret.name)} is not allowed because service account ${name} does not reference that secret`,
    );
  }
  for (const [i, ref] of (pod.spec.imagePullSecrets ?? []).entries()) {
    if (pulls.has(ref.name)) continue;
    throw refusal(
      request,
      `imagePullSecrets[${i}].name=${JSON.stringify(ref.name)} is not allowed because service account ${name} does not reference that imagePullSecret`,
    );
  }
}
