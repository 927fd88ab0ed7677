import { MutatingAdmissionPolicy } from '../../api/admissionregistration/mutating-admission-policy.ts';
import { MutatingAdmissionPolicyBinding } from '../../api/admissionregistration/mutating-admission-policy-binding.ts';
import type { CelProgram } from '../../api/cel/compile.ts';
import { CelMessage } from '../../api/cel/libraries/rewritten.ts';
import { jsonValue } from '../../api/cel/values.ts';
import type { Shared } from '../../api/kind.ts';
import { applyJsonPatch } from '../../api/machinery/json-patch.ts';
import { applyMergePatch } from '../../api/machinery/merge-patch.ts';
import { StatusError } from '../../api/machinery/status.ts';
import { applyStrategicMerge } from '../../api/machinery/strategic-merge.ts';
import { mutableCopy } from '../../base/deep.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { replaceObject } from './mutating-admission-webhook.ts';
import { type Evaluation, forEachEvaluation } from './policy/evaluate.ts';
import { type CompiledVariables, compilePolicyExpression, compileVariables, policyValues } from './policy/variables.ts';
import { refusal } from './refusal.ts';
import { mayRun, reinvocationOf } from './reinvocation.ts';

type Policy = Shared<MutatingAdmissionPolicy>;
type Binding = Shared<MutatingAdmissionPolicyBinding>;

/** Changes requests by policies in CEL. */
export const mutatingAdmissionPolicy = defineAdmissionPlugin({
  name: 'MutatingAdmissionPolicy',
  order: 280,
  enabledByDefault: true,
  handles: ({ operation }) => operation === 'CREATE' || operation === 'UPDATE',
  create(environment) {
    const policies = environment.informers.informer(MutatingAdmissionPolicy);
    const bindings = environment.informers.informer(MutatingAdmissionPolicyBinding);
    bindings.addIndex('policy', (binding) => (binding.spec.policyName ? [binding.spec.policyName] : []));

    async function run(all: readonly Policy[], request: AdmissionRequest): Promise<void> {
      const state = reinvocationOf(request);
      const keyOf = (policy: Policy) => `policy/${policy.metadata.name}`;
      const failed = (policy: Policy, binding: Binding | undefined, message: string): never => {
        const where = binding ? ` with binding '${binding.metadata.name}'` : '';
        throw refusal(request, `policy '${policy.metadata.name}'${where} denied request: ${message}`);
      };
      await forEachEvaluation<Policy, Binding>(environment, request, {
        all: {
          policies: all.filter((policy) => mayRun(request, keyOf(policy))),
          bindingsOf: (name) => bindings.byIndex('policy', name),
        },
        failed,
        async evaluate(evaluation) {
          const { policy, binding } = evaluation;
          try {
            await mutate(environment, request, evaluation);
          } catch (error) {
            if (policy.spec.failurePolicy !== 'Ignore') failed(policy, binding, messageOf(error));
            return;
          }
          if (policy.spec.reinvocationPolicy === 'IfNeeded')
            state.seen.set(keyOf(policy), JSON.stringify(request.object));
        },
      });
    }

    return {
      mutate(request) {
        const all = policies.list();
        if (all.length > 0 && request.object) return run(all, request);
      },
    };
  },
});

const messageOf = (error: unknown): string =>
  error instanceof StatusError && error.details?.causes?.[0]?.message
    ? error.details.causes[0].message
    : (error as Error).message;

interface CompiledPolicy {
  readonly variables: CompiledVariables;
  readonly mutations: readonly { readonly type: string; readonly program: CelProgram }[];
}

const compiledPolicies = new WeakMap<Policy, CompiledPolicy>();

function compiled(policy: Policy): CompiledPolicy {
  let known = compiledPolicies.get(policy);
  if (!known) {
    known = {
      variables: compileVariables(policy.spec.variables),
      mutations: (policy.spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => ({
        type: patchType,
        program: compilePolicyExpression(
          (patchType === 'JSONPatch' ? jsonPatch?.expression : applyConfiguration?.expression) ?? '',
          patchType === 'JSONPatch' ? ['list'] : ['message'],
        ),
      })),
    };
    compiledPolicies.set(policy, known);
  }
  return known;
}

async function mutate(
  environment: AdmissionEnvironment,
  request: AdmissionRequest,
  { policy, params, budget }: Evaluation<Policy, Binding>,
): Promise<void> {
  const { mutations, variables } = compiled(policy);
  for (const { type, program } of mutations) {
    // Each mutation sees what the one before has changed.
    const values = await policyValues(environment, request, { params, variables, budget });
    const result = await program.evaluateAsync(values, budget);
    const current: unknown = mutableCopy(request.object);
    replaceObject(request, type === 'JSONPatch' ? patched(current, result) : configured(request, current, result));
  }
}

function patched(current: unknown, result: unknown): unknown {
  const operations = (result as readonly unknown[]).map((entry) => {
    if (!(entry instanceof CelMessage) || entry.type !== 'JSONPatch') {
      throw new Error('a JSONPatch mutation must evaluate to a list of JSONPatch{…}');
    }
    const { op, path, from, value } = entry.fields;
    return {
      op,
      path,
      ...(from === undefined ? {} : { from }),
      ...(value === undefined ? {} : { value: plain(value) }),
    };
  });
  return applyJsonPatch(current, operations);
}

/** Merges an apply configuration as server-side apply would: lists by their keys where the schema knows them. */
function configured({ kind }: AdmissionRequest, current: unknown, result: unknown): unknown {
  if (!(result instanceof CelMessage) || result.type !== 'Object') {
    throw new Error('an ApplyConfiguration mutation must evaluate to Object{…}');
  }
  const configuration = plain(result) as { metadata?: Record<string, unknown> };
  for (const field of ['name', 'namespace', 'uid', 'resourceVersion']) {
    if (configuration.metadata && field in configuration.metadata) {
      throw new Error(`an ApplyConfiguration must not set metadata.${field}`);
    }
  }
  return kind.struct.fields.length > 1
    ? applyStrategicMerge(kind.struct, current, configuration)
    : applyMergePatch(current, configuration);
}

/** Messages at any depth as JSON. */
function plain(value: unknown): unknown {
  if (value instanceof CelMessage) {
    return Object.fromEntries(Object.entries(value.fields).map(([key, item]) => [key, plain(item)]));
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return jsonValue(value);
}
