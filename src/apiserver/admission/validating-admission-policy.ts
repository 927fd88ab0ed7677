import { ValidatingAdmissionPolicy } from '../../api/admissionregistration/validating-admission-policy.ts';
import { ValidatingAdmissionPolicyBinding } from '../../api/admissionregistration/validating-admission-policy-binding.ts';
import type { CelProgram } from '../../api/cel/compile.ts';
import type { Shared } from '../../api/kind.ts';
import { StatusError, type StatusReason, statusCodes } from '../../api/machinery/status.ts';
import { deepEqual } from '../../base/deep.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { type Evaluation, forEachEvaluation } from './policy/evaluate.ts';
import { typeCheckPolicy } from './policy/type-check.ts';
import { type CompiledVariables, compilePolicyExpression, compileVariables, policyValues } from './policy/variables.ts';
import { refusal } from './refusal.ts';

type Policy = Shared<ValidatingAdmissionPolicy>;
type Binding = Shared<ValidatingAdmissionPolicyBinding>;

/** Upstream cuts what messageExpression makes to this many bytes. */
const maxMessageLength = 5 * 1024;

/** Validates requests by policies in CEL. */
export const validatingAdmissionPolicy = defineAdmissionPlugin({
  name: 'ValidatingAdmissionPolicy',
  order: 300,
  enabledByDefault: true,
  handles: () => true,
  create(environment) {
    const policies = environment.informers.informer(ValidatingAdmissionPolicy);
    const bindings = environment.informers.informer(ValidatingAdmissionPolicyBinding);
    bindings.addIndex('policy', (binding) => (binding.spec.policyName ? [binding.spec.policyName] : []));
    reportTypes(environment);
    return {
      validate(request) {
        const all = policies.list();
        if (all.length === 0) return;
        const failures: Failure[] = [];
        return forEachEvaluation<Policy, Binding>(environment, request, {
          all: { policies: all, bindingsOf: (name) => bindings.byIndex('policy', name) },
          evaluate: async (evaluation) => {
            failures.push(...(await evaluatePolicy(environment, request, evaluation)));
          },
          failed: (policy, binding, message) => failures.push({ policy, binding, message, index: 0 }),
        }).then(() => conclude(request, failures));
      },
    };
  },
});

/** A validation that is false, or that could not be evaluated. */
interface Failure {
  readonly policy: Policy;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly reason?: StatusReason;
  readonly index: number;
}

interface CompiledPolicy {
  readonly variables: CompiledVariables;
  readonly validations: readonly { readonly program: CelProgram; readonly message: CelProgram | undefined }[];
  readonly annotations: readonly { readonly key: string; readonly program: CelProgram }[];
}

const compiledPolicies = new WeakMap<Policy, CompiledPolicy>();

function compiled(policy: Policy): CompiledPolicy {
  let known = compiledPolicies.get(policy);
  if (!known) {
    const { spec } = policy;
    known = {
      variables: compileVariables(spec.variables),
      validations: (spec.validations ?? []).map(({ expression, messageExpression }) => ({
        program: compilePolicyExpression(expression, ['bool']),
        message: messageExpression ? compilePolicyExpression(messageExpression, ['string']) : undefined,
      })),
      annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
        key,
        program: compilePolicyExpression(valueExpression, ['string', 'null']),
      })),
    };
    compiledPolicies.set(policy, known);
  }
  return known;
}

async function evaluatePolicy(
  environment: AdmissionEnvironment,
  request: AdmissionRequest,
  { policy, binding, params, budget }: Evaluation<Policy, Binding>,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  const failsClosed = policy.spec.failurePolicy !== 'Ignore';
  try {
    const programs = compiled(policy);
    const values = await policyValues(environment, request, { params, variables: programs.variables, budget });
    for (const [index, { program, message }] of programs.validations.entries()) {
      const validation = policy.spec.validations![index]!;
      try {
        if ((await program.evaluateAsync(values, budget)) === true) continue;
      } catch (error) {
        if (failsClosed) {
          failures.push({
            policy,
            binding,
            index,
            message: `expression '${validation.expression}' resulted in error: ${(error as Error).message}`,
          });
        }
        continue;
      }
      const made = message ? await messageOf(message, values) : undefined;
      failures.push({
        policy,
        binding,
        index,
        message: made ?? (validation.message?.trim() || `failed expression: ${validation.expression.trim()}`),
        ...(validation.reason ? { reason: validation.reason as StatusReason } : {}),
      });
    }
    for (const { key, program } of programs.annotations) {
      const value = await program.evaluateAsync(values, budget);
      if (typeof value === 'string' && value.trim()) request.annotate(`${policy.metadata.name}/${key}`, value.trim());
    }
  } catch (error) {
    if (failsClosed) failures.push({ policy, binding, index: 0, message: (error as Error).message });
  }
  return failures;
}

/** What a messageExpression makes, if it is fit to be a message: one line, not empty, not too long. */
async function messageOf(program: CelProgram, values: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  try {
    const text = await program.evaluateAsync(values);
    if (typeof text !== 'string' || !text.trim() || text.includes('\n')) return undefined;
    return text.length > maxMessageLength ? undefined : text.trim();
  } catch {
    return undefined;
  }
}

/** Warns, annotates and denies as the bindings say; the first denial is the answer. */
function conclude(request: AdmissionRequest, failures: readonly Failure[]): void {
  let denial: StatusError | undefined;
  const audited: object[] = [];
  for (const failure of failures) {
    const { policy, binding, message, index } = failure;
    const actions: readonly string[] = binding?.spec.validationActions?.length
      ? binding.spec.validationActions
      : ['Deny'];
    const names = { policy: policy.metadata.name, binding: binding?.metadata.name ?? '' };
    if (actions.includes('Deny')) denial ??= denied(request, failure);
    if (actions.includes('Warn')) {
      request.warn(
        `Validation failed for ValidatingAdmissionPolicy '${names.policy}' with binding '${names.binding}': ${message}`,
      );
    }
    if (actions.includes('Audit')) {
      audited.push({ message, ...names, expressionIndex: index, validationActions: actions });
    }
  }
  if (audited.length) {
    request.annotate('validation.policy.admission.k8s.io/validation_failure', JSON.stringify(audited));
  }
  if (denial) throw denial;
}

function denied(request: AdmissionRequest, { policy, binding, message, reason = 'Invalid' }: Failure): StatusError {
  const head = binding
    ? `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}' denied request: ${message}`
    : `ValidatingAdmissionPolicy '${policy.metadata.name}' denied request: ${message}`;
  const error = refusal(request, head);
  const code = statusCodes[reason] ?? statusCodes.Invalid;
  return new StatusError(reason, error.message, { ...error.details, causes: [{ message: head }] }, code);
}

/** Keeps status.typeChecking of policies up to date with their specs. */
function reportTypes({ informers, client, log, resolveKind }: AdmissionEnvironment): void {
  const report = async (policy: Policy): Promise<void> => {
    const generation = policy.metadata.generation ?? 1;
    const expressionWarnings = typeCheckPolicy(policy.spec, resolveKind);
    const { observedGeneration, typeChecking } = policy.status;
    if (observedGeneration === generation && deepEqual(typeChecking?.expressionWarnings ?? [], expressionWarnings))
      return;
    await client.updateStatus(ValidatingAdmissionPolicy, {
      ...policy,
      status: { ...policy.status, observedGeneration: generation, typeChecking: { expressionWarnings } },
    });
  };
  const onChange = (policy: Policy) =>
    void report(policy).catch((error: unknown) =>
      log.debug('the types of a policy were not reported; another change or server will do it', {
        policy: policy.metadata.name,
        error,
      }),
    );
  informers.informer(ValidatingAdmissionPolicy).addHandler({ onAdd: onChange, onUpdate: onChange });
}
