import { ValidatingWebhookConfiguration } from '../../api/admissionregistration/validating-webhook-configuration.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { createWebhookCaller } from './webhook/call.ts';
import { consult, inOrder, isNamed } from './webhook/dispatch.ts';
import { createServiceResolver } from './webhook/service-address.ts';

/** Lets webhooks refuse objects; all are asked at once. */
export const validatingAdmissionWebhook = defineAdmissionPlugin({
  name: 'ValidatingAdmissionWebhook',
  order: 310,
  enabledByDefault: true,
  handles: () => true,
  create(environment) {
    const configurations = environment.informers.informer(ValidatingWebhookConfiguration);
    const caller = createWebhookCaller(environment, createServiceResolver(environment));
    return {
      validate(request) {
        const all = configurations.list();
        if (all.length === 0) return;
        const named = inOrder(all).filter(({ webhook }) => isNamed(environment, webhook, request));
        if (named.length === 0) return;
        return Promise.allSettled(named.map(({ webhook }) => consult(environment, caller, { webhook, request }))).then(
          (results) => {
            const refused = results.find((result) => result.status === 'rejected');
            if (refused) throw refused.reason;
          },
        );
      },
    };
  },
});
