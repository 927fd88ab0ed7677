import type { Pod } from '../../api/core/pod.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

const hostname = 'kubernetes.io/hostname';

/** Required anti-affinity keeps pods off single nodes only, never off a whole zone. On request. */
export const limitPodHardAntiAffinityTopology = defineAdmissionPlugin({
  name: 'LimitPodHardAntiAffinityTopology',
  order: 50,
  enabledByDefault: false,
  handles: (request) => (request.operation === 'CREATE' || request.operation === 'UPDATE') && isCore(request, 'pods'),
  create: () => ({
    validate(request) {
      const { affinity } = (request.object as Pod).spec;
      const terms = affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
      const bad = terms.find(({ topologyKey }) => topologyKey !== hostname);
      if (!bad) return;
      throw refusal(
        request,
        `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${bad.topologyKey} but only key ${hostname} is allowed`,
      );
    },
  }),
});
