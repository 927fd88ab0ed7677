/** The controls of the level restricted, on top of baseline's. */
import { badSeccomp } from './baseline.ts';
import { type Control, containersOf, failing, isWindows, named, plural, quoted, setters } from './check.ts';

const allowPrivilegeEscalation: Control = {
  id: 'allowPrivilegeEscalation',
  since: 8,
  check({ spec }) {
    if (isWindows(spec)) return undefined;
    const bad = failing(spec, (context) => context?.allowPrivilegeEscalation !== false);
    if (bad.length === 0) return undefined;
    return {
      reason: 'allowPrivilegeEscalation != false',
      detail: `${named(bad)} must set securityContext.allowPrivilegeEscalation=false`,
    };
  },
};

const capabilities: Control = {
  id: 'capabilities_restricted',
  since: 22,
  check({ spec }) {
    if (isWindows(spec)) return undefined;
    const added = new Set<string>();
    const missingDrop = failing(spec, (context) => !context?.capabilities?.drop?.includes('ALL'));
    const adding = containersOf(spec).filter((container) => {
      const beyond = (container.securityContext?.capabilities?.add ?? []).filter((c) => c !== 'NET_BIND_SERVICE');
      for (const one of beyond) added.add(one);
      return beyond.length > 0;
    });
    const details = [
      ...(missingDrop.length ? [`${named(missingDrop)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...(adding.length
        ? [`${named(adding)} must not include ${quoted([...added].sort())} in securityContext.capabilities.add`]
        : []),
    ];
    return details.length ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
  },
};

const allowedVolumes: ReadonlySet<string> = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

const volumes: Control = {
  id: 'restrictedVolumes',
  since: 0,
  check({ spec }) {
    const types = new Set<string>();
    const bad = (spec.volumes ?? []).filter((volume) => {
      const sources = Object.keys(volume).filter(
        (key) => key !== 'name' && volume[key as keyof typeof volume] !== undefined,
      );
      const wrong = sources.filter((source) => !allowedVolumes.has(source));
      for (const source of wrong) types.add(source);
      return wrong.length > 0;
    });
    if (bad.length === 0) return undefined;
    const sorted = [...types].sort();
    return {
      reason: 'restricted volume types',
      detail: [
        plural('volume', 'volumes', bad.length),
        quoted(bad.map((volume) => volume.name)),
        plural('uses', 'use', bad.length),
        plural('restricted volume type', 'restricted volume types', sorted.length),
        quoted(sorted),
      ].join(' '),
    };
  },
};

const runAsNonRoot: Control = {
  id: 'runAsNonRoot',
  since: 0,
  check({ spec }) {
    const reason = 'runAsNonRoot != true';
    const ofPod = spec.securityContext?.runAsNonRoot;
    const explicit = failing(spec, (context) => context?.runAsNonRoot === false);
    if (ofPod === false || explicit.length) {
      return {
        reason,
        detail: `${setters(ofPod === false, explicit)} must not set securityContext.runAsNonRoot=false`,
      };
    }
    if (ofPod) return undefined;
    const implicit = failing(spec, (context) => context?.runAsNonRoot === undefined);
    return implicit.length
      ? { reason, detail: `pod or ${named(implicit)} must set securityContext.runAsNonRoot=true` }
      : undefined;
  },
};

const runAsUser: Control = {
  id: 'runAsUser',
  since: 23,
  check({ spec }) {
    const onPod = spec.securityContext?.runAsUser === 0;
    const containers = failing(spec, (context) => context?.runAsUser === 0);
    if (!onPod && containers.length === 0) return undefined;
    return { reason: 'runAsUser=0', detail: `${setters(onPod, containers)} must not set runAsUser=0` };
  },
};

const seccomp: Control = {
  id: 'seccompProfile_restricted',
  since: 19,
  check({ spec }) {
    if (isWindows(spec)) return undefined;
    const explicit = badSeccomp(spec);
    if (explicit) return explicit;
    if (spec.securityContext?.seccompProfile) return undefined;
    const implicit = failing(spec, (context) => context?.seccompProfile === undefined);
    if (implicit.length === 0) return undefined;
    return {
      reason: 'seccompProfile',
      detail: `pod or ${named(implicit)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
    };
  },
};

/** The controls that come on top, in the order of their names. */
export const restrictedControls: readonly Control[] = [
  allowPrivilegeEscalation,
  capabilities,
  volumes,
  runAsNonRoot,
  runAsUser,
  seccomp,
];

/** Controls of baseline that one of these makes superfluous, from the version on that has it. */
export const overridden: Readonly<Record<string, string>> = {
  capabilities_baseline: 'capabilities_restricted',
  hostPathVolumes: 'restrictedVolumes',
  seccompProfile_baseline: 'seccompProfile_restricted',
};
