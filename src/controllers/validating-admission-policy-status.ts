import { ValidatingAdmissionPolicy } from '../api/admissionregistration/validating-admission-policy.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { defineController } from '../client/reconcile.ts';
import { allow, recordEvents } from './rbac-rules.ts';

/** Notes that a policy's present generation was looked at. */
export const policyStatusController = defineController<ValidatingAdmissionPolicy>({
  name: 'validatingadmissionpolicy-status-controller',
  for: ValidatingAdmissionPolicy,
  rbac: [
    allow('get list watch', 'admissionregistration.k8s.io', 'validatingadmissionpolicies'),
    allow('get patch update', 'admissionregistration.k8s.io', 'validatingadmissionpolicies/status'),
    recordEvents,
  ],
  async reconcile(key, { client, lister }) {
    const policy = lister(ValidatingAdmissionPolicy).byKey(key);
    const generation = policy?.metadata.generation;
    if (!policy || generation === undefined || policy.status.observedGeneration === generation) return undefined;
    const status = { ...policy.status, observedGeneration: generation, typeChecking: policy.status.typeChecking ?? {} };
    try {
      await client.updateStatus(ValidatingAdmissionPolicy, { ...policy, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});
