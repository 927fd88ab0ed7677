/** What a policy's status says about the types in its expressions. */
import { CelCompileError, compileCel } from '../../../api/cel/compile.ts';
import { structType } from '../../../api/cel/types.ts';
import type { AnyKind, Shared } from '../../../api/kind.ts';
import type { ExpressionWarning, ValidatingAdmissionPolicySpec } from '../../../api/types/admissionregistration-v1.ts';
import { typedPolicyVariables } from './variables.ts';

/** Kinds that are checked at most, as upstream limits it. */
const maxKinds = 10;

/** The kinds that a policy's rules name without stars. */
function namedKinds(
  spec: Shared<ValidatingAdmissionPolicySpec>,
  resolveKind: (group: string, version: string, plural: string) => AnyKind | undefined,
): AnyKind[] {
  const kinds = new Set<AnyKind>();
  for (const rule of spec.matchConstraints?.resourceRules ?? []) {
    for (const group of rule.apiGroups ?? []) {
      for (const version of rule.apiVersions ?? []) {
        for (const resource of rule.resources ?? []) {
          if ([group, version, resource].some((part) => part.includes('*')) || resource.includes('/')) continue;
          const kind = resolveKind(group, version, resource);
          if (kind && kinds.size < maxKinds) kinds.add(kind);
        }
      }
    }
  }
  return [...kinds];
}

/** A warning for each validation that does not compile against one of the kinds that the policy is for. */
export function typeCheckPolicy(
  spec: Shared<ValidatingAdmissionPolicySpec>,
  resolveKind: (group: string, version: string, plural: string) => AnyKind | undefined,
): ExpressionWarning[] {
  const kinds = namedKinds(spec, resolveKind).map((kind) => ({
    name: `${kind.group ? `${kind.group}/` : ''}${kind.version}, Kind=${kind.kind}`,
    variables: typedPolicyVariables(structType(kind.struct)),
  }));
  const warnings: ExpressionWarning[] = [];
  const check = (fieldRef: string, expression: string | undefined) => {
    if (!expression) return;
    const found = kinds.flatMap(({ name, variables }) => {
      try {
        compileCel(expression, { variables });
        return [];
      } catch (error) {
        if (!(error instanceof CelCompileError)) throw error;
        return [`${name}: ${error.message.replace(/^compilation failed: /, '')}`];
      }
    });
    if (found.length) warnings.push({ fieldRef, warning: `${found.join('\n')}\n` });
  };
  for (const [i, validation] of (spec.validations ?? []).entries()) {
    check(`spec.validations[${i}].expression`, validation.expression);
    check(`spec.validations[${i}].messageExpression`, validation.messageExpression);
  }
  return warnings;
}
