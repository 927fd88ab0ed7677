/** Validation of API services. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach } from '../core/field-rules.ts';
import { type FieldError, invalid, required } from '../machinery/field-error.ts';
import { dns1035Label, dns1123Subdomain, portNumber } from '../machinery/names.ts';
import type { APIService } from '../types/apiregistration-v1.ts';

/** An API service: named after what it serves, with priorities in bounds and a service that can be trusted. */
export function validateApiService({ metadata, spec }: DeepReadonly<APIService>): FieldError[] {
  const { group = '', version = '', groupPriorityMinimum, versionPriority, service } = spec;
  const errors: FieldError[] = [];
  const expected = `${version}.${group}`;
  if (metadata.name !== expected && `${version}.` !== metadata.name) {
    errors.push(
      invalid('metadata.name', metadata.name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(expected)}`),
    );
  }
  if (!group) {
    if (version !== 'v1')
      errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  } else errors.push(...invalidEach('spec.group', group, dns1123Subdomain(group)));
  errors.push(...invalidEach('spec.version', version, dns1035Label(version)));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20000) {
    errors.push(invalid('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'));
  }
  if (versionPriority <= 0 || versionPriority > 1000) {
    errors.push(invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  }
  if (!service) {
    if (spec.caBundle) errors.push(invalid('spec.caBundle', '<caBundle>', 'local APIServices may not have a caBundle'));
    if (spec.insecureSkipTLSVerify) {
      errors.push(invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    }
    return errors;
  }
  if (!service.namespace) errors.push(required('spec.service.namespace'));
  if (!service.name) errors.push(required('spec.service.name'));
  const problems = portNumber(service.port ?? 443);
  if (problems.length) {
    errors.push(invalid('spec.service.port', service.port, `port is not valid: ${problems.join(',')}`));
  }
  if (spec.insecureSkipTLSVerify && spec.caBundle) {
    const detail = 'may not be true if caBundle is present';
    errors.push(invalid('spec.insecureSkipTLSVerify', true, detail));
  }
  return errors;
}
