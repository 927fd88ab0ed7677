import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { PriorityClass } from '../../api/scheduling/priority-class.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isCore, isResource, refusal } from './refusal.ts';

const schedulingGroup = 'scheduling.k8s.io';

/** Resolves a pod's priority class to its number and preemption policy, and keeps one default class. */
export const priority = defineAdmissionPlugin({
  name: 'Priority',
  order: 140,
  enabledByDefault: true,
  handles: (request) =>
    (request.operation === 'CREATE' || request.operation === 'UPDATE') &&
    (isCore(request, 'pods') || isResource(request, schedulingGroup, 'priorityclasses')),
  create({ informers, client }) {
    const classes = informers.informer(PriorityClass);

    function defaultClass(): Shared<PriorityClass> | undefined {
      let lowest: Shared<PriorityClass> | undefined;
      for (const one of classes.list()) {
        if (one.globalDefault && (!lowest || one.value < lowest.value)) lowest = one;
      }
      return lowest;
    }

    async function classByName(request: AdmissionRequest, name: string): Promise<Shared<PriorityClass>> {
      const found = classes.get(undefined, name) ?? (await client.find(PriorityClass, { name }));
      if (!found) throw refusal(request, `no PriorityClass with name ${name} was found`);
      return found;
    }

    return {
      mutate(request) {
        if (request.resource.plural !== 'pods') return;
        const { spec } = request.object as Pod;
        if (request.operation === 'UPDATE') {
          const old = (request.oldObject as Shared<Pod>).spec;
          if (
            spec.priority === undefined &&
            old.priority !== undefined &&
            spec.priorityClassName === old.priorityClassName
          ) {
            spec.priority = old.priority;
          }
          if (spec.preemptionPolicy === undefined && old.preemptionPolicy !== undefined) {
            spec.preemptionPolicy = old.preemptionPolicy;
          }
          return;
        }
        if (!spec.priorityClassName) return settle(request, spec, defaultClass());
        const known = classes.get(undefined, spec.priorityClassName);
        if (known) return settle(request, spec, known);
        return classByName(request, spec.priorityClassName).then((found) => settle(request, spec, found));
      },
      validate(request) {
        if (request.resource.plural !== 'priorityclasses') return;
        const one = request.object as PriorityClass;
        if (!one.globalDefault) return;
        const other = defaultClass();
        if (!other || other.metadata.name === one.metadata.name) return;
        throw refusal(
          request,
          `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
        );
      },
    };
  },
});

function settle(request: AdmissionRequest, spec: Pod['spec'], chosen: Shared<PriorityClass> | undefined): void {
  const value = chosen?.value ?? 0;
  const policy = chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (chosen && !spec.priorityClassName) spec.priorityClassName = chosen.metadata.name;
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refusal(
      request,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw refusal(
      request,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  spec.preemptionPolicy = policy;
}
