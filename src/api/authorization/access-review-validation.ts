/** Validation of the questions whether someone may do something. */
import type { DeepReadonly } from '../../base/deep.ts';
import { type FieldError, invalid } from '../machinery/field-error.ts';
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SubjectAccessReview,
} from '../types/authorization-v1.ts';

function validateAttributes({
  resourceAttributes,
  nonResourceAttributes,
}: DeepReadonly<SelfSubjectAccessReviewSpec>): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const detail = 'cannot be specified in combination with resourceAttributes';
    return [invalid('spec.nonResourceAttributes', nonResourceAttributes, detail)];
  }
  return resourceAttributes || nonResourceAttributes
    ? []
    : [
        invalid(
          'spec.resourceAttributes',
          null,
          'exactly one of nonResourceAttributes or resourceAttributes must be specified',
        ),
      ];
}

/** The caller's own question. */
export function validateSelfSubjectAccessReview({ spec }: DeepReadonly<SelfSubjectAccessReview>): FieldError[] {
  return validateAttributes(spec);
}

/** A question about someone: a user or groups. */
export function validateSubjectAccessReview({ spec }: Pick<DeepReadonly<SubjectAccessReview>, 'spec'>): FieldError[] {
  const errors = validateAttributes(spec);
  return spec.user || spec.groups?.length
    ? errors
    : [...errors, invalid('spec.user', spec.user ?? '', 'at least one of user or group must be specified')];
}

/** A question about someone in the namespace of the review. */
export function validateLocalSubjectAccessReview(review: DeepReadonly<LocalSubjectAccessReview>): FieldError[] {
  const { metadata, spec } = review;
  const errors = validateSubjectAccessReview(review);
  const { namespace, name, generateName, labels, annotations, ownerReferences, finalizers } = metadata;
  if (name || generateName || labels || annotations || ownerReferences || finalizers) {
    errors.push(invalid('metadata', metadata, 'must be empty except for namespace'));
  }
  const asked = spec.resourceAttributes?.namespace;
  if (spec.resourceAttributes && asked !== namespace) {
    errors.push(invalid('spec.resourceAttributes.namespace', asked ?? '', 'must match metadata.namespace'));
  }
  if (spec.nonResourceAttributes) {
    errors.push(
      invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, 'disallowed on this kind of request'),
    );
  }
  return errors;
}
