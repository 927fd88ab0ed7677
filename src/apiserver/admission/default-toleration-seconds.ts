import type { Pod } from '../../api/core/pod.ts';
import type { Toleration } from '../../api/types/core-v1.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { isCore } from './refusal.ts';

const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;

interface Settings {
  readonly notReadySeconds?: number;
  readonly unreachableSeconds?: number;
}

/** Pods stay five minutes on a node that is not ready or unreachable, unless they say otherwise. */
export const defaultTolerationSeconds = defineAdmissionPlugin({
  name: 'DefaultTolerationSeconds',
  order: 150,
  enabledByDefault: true,
  handles: (request) => isCore(request, 'pods') && (request.operation === 'CREATE' || request.operation === 'UPDATE'),
  create({ configuration }) {
    const settings = (configuration ?? {}) as Settings;
    const seconds = [settings.notReadySeconds ?? 300, settings.unreachableSeconds ?? 300];
    return {
      mutate({ object }) {
        const pod = object as Pod;
        const given = pod.spec.tolerations ?? [];
        const tolerates = (key: string) =>
          given.some((t) => (!t.key || t.key === key) && (!t.effect || t.effect === 'NoExecute'));
        const added = taints.flatMap((key, i): Toleration[] =>
          tolerates(key) ? [] : [{ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds[i]! }],
        );
        if (added.length) pod.spec.tolerations = [...given, ...added];
      },
    };
  },
});
