import { describe, expect, it } from 'vitest';
import { admitted, createProblems } from '../admitted.ts';
import { Deployment } from '../apps/deployment.ts';
import type { AppArmorProfile } from '../types/core-v1.ts';
import { Pod } from './pod.ts';
import { appArmorPrefix, syncAppArmor } from './profile-annotations.ts';

const key = `${appArmorPrefix}c`;
const pod = (annotations: Record<string, string>, securityContext: object = {}, more: object = {}) =>
  admitted(Pod, {
    metadata: { annotations },
    spec: { containers: [{ name: 'c', image: 'i', securityContext }], ...more },
  });

describe('an AppArmor profile', () => {
  it.each<[string, AppArmorProfile]>([
    ['unconfined', { type: 'Unconfined' }],
    ['runtime/default', { type: 'RuntimeDefault' }],
    ['localhost/mine', { type: 'Localhost', localhostProfile: 'mine' }],
  ])('%s in an annotation is one in the field, not the other way round', (annotation, appArmorProfile) => {
    expect(pod({ [key]: annotation }).spec.containers[0]!.securityContext).toEqual({ appArmorProfile });
    expect(pod({}, { appArmorProfile }).metadata.annotations).toBeUndefined();
    expect(pod({}, {}, { securityContext: { appArmorProfile } }).metadata.annotations).toBeUndefined();
  });

  it('in an annotation alone is warned about', () => {
    const said: string[] = [];
    const object = pod({});
    object.metadata.annotations = { [key]: 'unconfined' };
    syncAppArmor(object, (text) => said.push(text));
    expect(said).toEqual([
      `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`,
    ]);
  });

  it.each<[string, AppArmorProfile, string]>([
    ['unconfined', { type: 'RuntimeDefault' }, 'type: Forbidden: apparmor type in annotation and field must match'],
    [
      'localhost/a',
      { type: 'Localhost', localhostProfile: 'b' },
      'localhostProfile: Forbidden: apparmor profile in annotation and field must match',
    ],
  ])('%s is not another one in the field', (annotation, appArmorProfile, problem) => {
    expect(createProblems(Pod, pod({ [key]: annotation }, { appArmorProfile }))).toEqual([
      `spec.containers[0].securityContext.appArmorProfile.${problem}`,
    ]);
  });
});

describe('a seccomp profile', () => {
  const podKey = 'seccomp.security.alpha.kubernetes.io/pod';
  const containerKey = 'container.seccomp.security.alpha.kubernetes.io/c';

  it('says the same in annotation and field', () => {
    const securityContext = { seccompProfile: { type: 'RuntimeDefault' } };
    expect(createProblems(Pod, pod({ [podKey]: 'docker/default' }, {}, { securityContext }))).toEqual([]);
    expect(createProblems(Pod, pod({ [podKey]: 'unconfined' }, {}, { securityContext }))).toEqual([
      'spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
    ]);
  });

  it('does so in templates too', () => {
    const seccompProfile = { type: 'Localhost', localhostProfile: 'a.json' };
    const labels = { app: 'a' };
    const spec = { containers: [{ name: 'c', image: 'i', securityContext: { seccompProfile } }] };
    const template = { metadata: { labels, annotations: { [containerKey]: 'localhost/b.json' } }, spec };
    const deployment = admitted(Deployment, { spec: { selector: { matchLabels: labels }, template } });
    expect(createProblems(Deployment, deployment)).toEqual([
      'spec.template.spec.containers[0].securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match',
    ]);
  });
});
