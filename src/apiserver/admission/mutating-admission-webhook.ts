import { MutatingWebhookConfiguration } from '../../api/admissionregistration/mutating-webhook-configuration.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { canonicalize } from '../../api/machinery/decode.ts';
import { applyJsonPatch } from '../../api/machinery/json-patch.ts';
import { internalError } from '../../api/machinery/status.ts';
import type { MutatingWebhook } from '../../api/types/admissionregistration-v1.ts';
import { mutableCopy } from '../../base/deep.ts';
import { parseExactJson } from '../../base/exact-json.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { mayRun, reinvocationOf } from './reinvocation.ts';
import { createWebhookCaller } from './webhook/call.ts';
import { type ConfiguredWebhook, consult, inOrder, isNamed } from './webhook/dispatch.ts';
import { createServiceResolver } from './webhook/service-address.ts';

/** Lets webhooks change objects, one after the other. */
export const mutatingAdmissionWebhook = defineAdmissionPlugin({
  name: 'MutatingAdmissionWebhook',
  order: 290,
  enabledByDefault: true,
  handles: () => true,
  create(environment) {
    const configurations = environment.informers.informer(MutatingWebhookConfiguration);
    const caller = createWebhookCaller(environment, createServiceResolver(environment));

    async function run(
      webhooks: readonly ConfiguredWebhook<Shared<MutatingWebhook>>[],
      request: AdmissionRequest,
    ): Promise<void> {
      const state = reinvocationOf(request);
      for (const { webhook, configuration, index, key } of webhooks) {
        if (!mayRun(request, key)) continue;
        const response = await consult(environment, caller, { webhook, request });
        if (!response) continue;
        const changed = response.patch
          ? applyPatch(request, webhook, { patch: String(response.patch), patchType: response.patchType })
          : false;
        const round = state.again ? 1 : 0;
        request.annotate(
          `mutation.webhook.admission.k8s.io/round_${round}_index_${index}`,
          JSON.stringify({ configuration, webhook: webhook.name, mutated: changed }),
        );
        if (webhook.reinvocationPolicy === 'IfNeeded') state.seen.set(key, JSON.stringify(request.object));
      }
    }

    return {
      mutate(request) {
        const all = configurations.list();
        if (all.length === 0) return;
        const named = inOrder(all).filter(({ webhook }) => isNamed(environment, webhook, request));
        if (named.length === 0) return;
        return run(named, request);
      },
    };
  },
});

/** Applies a webhook's patch to the request's object; false when it changes nothing. */
function applyPatch(
  request: AdmissionRequest,
  webhook: Shared<MutatingWebhook>,
  { patch, patchType }: { patch: string; patchType: string | undefined },
): boolean {
  const failed = (why: string) => internalError(`webhook ${JSON.stringify(webhook.name)} returned a bad patch: ${why}`);
  if (patchType !== 'JSONPatch') throw failed(`patchType ${JSON.stringify(patchType ?? '')} is not supported`);
  if (!request.object) throw failed('there is no object to patch');
  const before = JSON.stringify(request.object);
  let patched: unknown;
  try {
    patched = applyJsonPatch(mutableCopy(request.object), parseExactJson(Buffer.from(patch, 'base64').toString()));
  } catch (error) {
    throw failed((error as Error).message);
  }
  replaceObject(request, patched);
  return JSON.stringify(request.object) !== before;
}

/** Puts a changed object in the place of the request's, in canonical form and with defaults. */
export function replaceObject(request: AdmissionRequest, value: unknown): void {
  const { object } = canonicalize<KubeObject>(request.kind.struct, value, { validation: 'Ignore' });
  request.kind.defaults?.(object);
  request.object = object;
}
