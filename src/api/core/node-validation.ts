/** Validation of nodes and namespaces. */
import { isIPv4 } from 'node:net';
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { at, duplicate, type FieldError, forbidden, invalid } from '../machinery/field-error.ts';
import { qualifiedName } from '../machinery/names.ts';
import type { Namespace, Node } from '../types/core-v1.ts';
import { invalidEach } from './field-rules.ts';
import { isCidr, validateCidr } from './ip-rules.ts';
import { validateResourceQuantity } from './resource-validation.ts';
import { validateTaints } from './toleration-validation.ts';

type SharedNode = DeepReadonly<Node>;

/** A node: taints, address ranges and amounts. */
export function validateNode({ spec, status }: SharedNode): FieldError[] {
  const errors = validateTaints(spec.taints, 'metadata.taints');
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, text] of Object.entries(status[list] ?? {})) {
      errors.push(...validateResourceQuantity(name, text, `status.${list}.${name}`));
    }
  }
  return [...errors, ...validatePodCidrs(spec.podCIDRs ?? [])];
}

function validatePodCidrs(cidrs: readonly string[]): FieldError[] {
  const path = 'spec.podCIDRs';
  const errors = cidrs.flatMap((cidr, i) => validateCidr(cidr, at(path, i)));
  if (cidrs.length < 2) return errors;
  const families = new Set(cidrs.filter(isCidr).map((cidr) => isIPv4(cidr.split('/')[0]!)));
  if (families.size < 2 || cidrs.length > 2) {
    errors.push(invalid(path, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  for (const [i, cidr] of cidrs.entries()) if (cidrs.indexOf(cidr) < i) errors.push(duplicate(at(path, i), cidr));
  return errors;
}

/** An update changes labels, taints and whether pods may come; ranges and the provider's id once. */
export function validateNodeUpdate({ spec, status }: SharedNode, { spec: old }: SharedNode): FieldError[] {
  const errors: FieldError[] = [];
  const addresses = (status.addresses ?? []).map((a) => `${a.type}/${a.address}`);
  for (const [i, address] of addresses.entries()) {
    if (addresses.indexOf(address) < i) errors.push(duplicate(at('status.addresses', i), status.addresses![i]));
  }
  if (old.podCIDRs?.length && !deepEqual(spec.podCIDRs ?? [], old.podCIDRs)) {
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.providerID && spec.providerID !== old.providerID) {
    errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
  if ((spec.externalID ?? '') !== (old.externalID ?? '')) {
    errors.push(forbidden('spec.externalID', 'may not be updated'));
  }
  return errors;
}

/** Finalizers of a namespace's content. */
export function validateNamespace({ spec }: DeepReadonly<Namespace>): FieldError[] {
  return (spec.finalizers ?? []).flatMap((name) => {
    const errors = invalidEach('spec.finalizers', name, qualifiedName(name));
    if (!name.includes('/') && name !== 'kubernetes') {
      const detail = 'name is neither a standard finalizer name nor is it fully qualified';
      errors.push(invalid('spec.finalizers', name, detail));
    }
    return errors;
  });
}

/** The phase says whether the namespace is being deleted. */
export function validateNamespaceStatus({ metadata, status }: DeepReadonly<Namespace>): FieldError[] {
  const { phase = '' } = status;
  if (!metadata.deletionTimestamp) {
    const detail = "may only be 'Active' if `deletionTimestamp` is empty";
    return phase === 'Active' ? [] : [invalid('status.Phase', phase, detail)];
  }
  const detail = "may only be 'Terminating' if `deletionTimestamp` is not empty";
  return phase === 'Terminating' ? [] : [invalid('status.Phase', phase, detail)];
}
