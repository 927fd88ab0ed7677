import type { Service } from '../../api/core/service.ts';
import type { Shared } from '../../api/kind.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

/** Services get no external IPs but those that they have: whoever sets one takes the address over. On request. */
export const denyServiceExternalIPs = defineAdmissionPlugin({
  name: 'DenyServiceExternalIPs',
  order: 272,
  enabledByDefault: false,
  handles: (request) =>
    (request.operation === 'CREATE' || request.operation === 'UPDATE') && isCore(request, 'services'),
  create: () => ({
    validate(request) {
      const wanted = (request.object as Service).spec.externalIPs ?? [];
      const had = new Set((request.oldObject as Shared<Service> | undefined)?.spec.externalIPs);
      if (wanted.some((ip) => !had.has(ip))) {
        throw refusal(request, 'Use of external IPs is denied by admission control');
      }
    },
  }),
});
