import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { RuntimeClass } from '../../api/node/runtime-class.ts';
import { deepEqual, mutableCopy } from '../../base/deep.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

/** Gives a pod the overhead, node selector and tolerations of its runtime class. */
export const runtimeClass = defineAdmissionPlugin({
  name: 'RuntimeClass',
  order: 230,
  enabledByDefault: true,
  handles: (request) => request.operation === 'CREATE' && isCore(request, 'pods'),
  create({ informers, client }) {
    const classes = informers.informer(RuntimeClass);

    async function find(request: AdmissionRequest, name: string): Promise<Shared<RuntimeClass>> {
      const found = classes.get(undefined, name) ?? (await client.find(RuntimeClass, { name }));
      if (!found) throw refusal(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
      return found;
    }

    return {
      async mutate(request) {
        const pod = request.object as Pod;
        if (!pod.spec.runtimeClassName) return;
        const found = await find(request, pod.spec.runtimeClassName);
        const fixed = found.overhead?.podFixed;
        if (fixed && Object.keys(fixed).length) {
          if (pod.spec.overhead === undefined || Object.keys(pod.spec.overhead).length === 0) {
            pod.spec.overhead = mutableCopy(fixed);
          } else if (!deepEqual(pod.spec.overhead, fixed)) {
            throw refusal(request, `pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`);
          }
        }
        schedule(request, pod, found);
      },
      async validate(request) {
        const pod = request.object as Pod;
        if (!pod.spec.runtimeClassName) {
          if (pod.spec.overhead && Object.keys(pod.spec.overhead).length) {
            throw refusal(
              request,
              'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
            );
          }
          return;
        }
        const found = await find(request, pod.spec.runtimeClassName);
        if (!deepEqual(pod.spec.overhead ?? {}, found.overhead?.podFixed ?? {})) {
          throw refusal(request, `pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`);
        }
      },
    };
  },
});

function schedule(request: AdmissionRequest, pod: Pod, found: Shared<RuntimeClass>): void {
  for (const [key, value] of Object.entries(found.scheduling?.nodeSelector ?? {})) {
    const own = pod.spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      throw refusal(
        request,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    }
    pod.spec.nodeSelector = { ...pod.spec.nodeSelector, [key]: value };
  }
  const wanted = (found.scheduling?.tolerations ?? []).filter(
    (toleration) => !pod.spec.tolerations?.some((own) => deepEqual(own, toleration)),
  );
  if (wanted.length) pod.spec.tolerations = [...(pod.spec.tolerations ?? []), ...mutableCopy(wanted)];
}
