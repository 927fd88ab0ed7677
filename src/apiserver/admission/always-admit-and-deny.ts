/** Two plugins without use in a cluster, which upstream has for tests. */
import { loopbackUser } from '../user.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { refusal } from './refusal.ts';

/** Does nothing. On request. */
export const alwaysAdmit = defineAdmissionPlugin({
  name: 'AlwaysAdmit',
  order: 5,
  enabledByDefault: false,
  handles: () => false,
  create: () => ({}),
});

/** Refuses every write but those of the API server itself, which could not start without. On request. */
export const alwaysDeny = defineAdmissionPlugin({
  name: 'AlwaysDeny',
  order: 330,
  enabledByDefault: false,
  handles: ({ user }) => user.name !== loopbackUser.name,
  create: () => ({
    validate(request) {
      throw refusal(request, 'admission control is denying all modifications');
    },
  }),
});
