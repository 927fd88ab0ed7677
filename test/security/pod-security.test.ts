import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import type { PodSpec } from '../../src/api/types/core-v1.ts';
import type { DeepPartial } from '../../src/base/deep.ts';
import type { Client } from '../../src/client/client.ts';
import { pod, refused, startWorld, type World } from './world.ts';

let world: World;
let admin: Client;

beforeAll(async () => {
  world = await startWorld();
  admin = world.admin;
  await world.namespace('plain');
});
afterAll(() => world.close());

describe('PodSecurity', () => {
  const label = (mode: string, level: string, version = 'latest') => ({
    [`pod-security.kubernetes.io/${mode}`]: level,
    [`pod-security.kubernetes.io/${mode}-version`]: version,
  });
  const hardened = {
    securityContext: {
      allowPrivilegeEscalation: false,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
  const one = (container: object = {}, spec: object = {}): DeepPartial<PodSpec> => ({
    containers: [{ name: 'a', image: 'i', ...container }],
    ...spec,
  });

  beforeAll(async () => {
    await world.namespace('pss-base', label('enforce', 'baseline'));
    await world.namespace('pss-strict', label('enforce', 'restricted'));
    await world.namespace('pss-warn', { ...label('warn', 'restricted', 'v1.24') });
  });

  it('says what restricted wants', async () => {
    await expect(admin.create(Pod, pod('pss-strict', 'x', one()))).rejects.toMatchObject({
      message:
        'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    });
    await expect(admin.create(Pod, pod('pss-strict', 'ok', one(hardened)))).resolves.toBeDefined();
  });

  it.each<[string, DeepPartial<PodSpec>, string]>([
    [
      'privileged',
      one({ securityContext: { privileged: true } }),
      'privileged (container "a" must not set securityContext.privileged=true)',
    ],
    ['host namespaces', one({}, { hostPID: true, hostIPC: true }), 'host namespaces (hostPID=true, hostIPC=true)'],
    ['host paths', one({}, { volumes: [{ name: 'h', hostPath: { path: '/' } }] }), 'hostPath volumes (volume "h")'],
    ['host ports', one({ ports: [{ containerPort: 80, hostPort: 80 }] }), 'hostPort (container "a" uses hostPort 80)'],
    [
      'capabilities',
      one({ securityContext: { capabilities: { add: ['NET_ADMIN', 'CHOWN'] } } }),
      'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)',
    ],
    [
      'procMount',
      one({ securityContext: { procMount: 'Unmasked' } }, { hostUsers: false }),
      'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      'seccomp',
      one({}, { securityContext: { seccompProfile: { type: 'Unconfined' } } }),
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      'AppArmor',
      one({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }),
      'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      'SELinux',
      one({ securityContext: { seLinuxOptions: { type: 'spc_t', user: 'u' } } }),
      'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
    ],
    [
      'sysctls',
      one({}, { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
      'forbidden sysctls (kernel.msgmax)',
    ],
    [
      'probe hosts',
      one({ livenessProbe: { httpGet: { port: 80, host: '169.254.169.254' } } }),
      'probe or lifecycle host (container "a" uses probe or lifecycle host "169.254.169.254")',
    ],
    [
      'an init container',
      one({}, { initContainers: [{ name: 'b', image: 'i', securityContext: { privileged: true } }] }),
      'privileged (container "b" must not set securityContext.privileged=true)',
    ],
  ])('baseline refuses %s', async (_, spec, message) => {
    await expect(admin.create(Pod, pod('pss-base', 'bad', spec))).rejects.toEqual(
      refused(`violates PodSecurity "baseline:latest": ${message}`),
    );
  });

  it('baseline takes an ordinary pod', async () => {
    await expect(admin.create(Pod, pod('pss-base', 'ok', one()))).resolves.toBeDefined();
  });

  it.each<[string, object, object, string]>([
    [
      'volumes',
      {},
      { volumes: [{ name: 'n', nfs: { server: 's', path: '/' } }] },
      'restricted volume types (volume "n" uses restricted volume type "nfs")',
    ],
    [
      'root',
      { securityContext: { ...hardened.securityContext, runAsUser: 0 } },
      {},
      'runAsUser=0 (container "a" must not set runAsUser=0)',
    ],
    [
      'runAsNonRoot false',
      { securityContext: { ...hardened.securityContext, runAsNonRoot: false } },
      {},
      'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)',
    ],
    [
      'an added capability',
      { securityContext: { ...hardened.securityContext, capabilities: { drop: ['ALL'], add: ['CHOWN'] } } },
      {},
      'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
  ])('restricted refuses %s', async (_, container, spec, message) => {
    await expect(admin.create(Pod, pod('pss-strict', 'bad', one({ ...hardened, ...container }, spec)))).rejects.toEqual(
      refused(message),
    );
  });

  it('cannot be got round by an ephemeral container', async () => {
    const made = await admin.create(Pod, pod('pss-base', 'debugged', one()));
    const update = {
      ...made,
      spec: { ...made.spec, ephemeralContainers: [{ name: 'dbg', image: 'i', securityContext: { privileged: true } }] },
    };
    await expect(
      admin.subresource(
        'update',
        Pod,
        { namespace: 'pss-base', name: 'debugged', subresource: 'ephemeralcontainers' },
        update,
      ),
    ).rejects.toEqual(refused('privileged (container "dbg"'));
  });

  it('warns of workloads and pods, and lets them pass', async () => {
    const certificate = world.certificate('root', ['system:masters']);
    const template = { metadata: { labels: { a: 'b' } }, spec: one() };
    const answer = await world.call('/apis/apps/v1/namespaces/pss-warn/deployments', {
      certificate,
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'd' },
        spec: { selector: { matchLabels: { a: 'b' } }, template },
      },
    });
    expect(answer.status).toBe(201);
    expect(String(answer.headers['warning'])).toContain(
      'would violate PodSecurity \\"restricted:v1.24\\": allowPrivilegeEscalation != false',
    );
    expect(await admin.get(Deployment, { namespace: 'pss-warn', name: 'd' })).toBeDefined();
  });

  it('checks the labels, and warns of pods that a new level would not take', async () => {
    await expect(
      admin.create(Namespace, { metadata: { name: 'pss-bad', labels: label('enforce', 'strict') } }),
    ).rejects.toMatchObject({
      reason: 'Invalid',
      message: expect.stringContaining(
        'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
      ),
    });
    await admin.create(Pod, pod('plain', 'naked', { hostNetwork: true }));
    const answer = await world.call('/api/v1/namespaces/plain', {
      method: 'PATCH',
      certificate: world.certificate('root', ['system:masters']),
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { metadata: { labels: label('enforce', 'baseline') } },
    });
    expect(answer.status).toBe(200);
    expect(String(answer.headers['warning'])).toContain(
      'existing pods in namespace \\"plain\\" violate the new PodSecurity enforce level \\"baseline:latest\\"',
    );
    expect(String(answer.headers['warning'])).toContain('naked: host namespaces');
  });
});
