/** POST serviceaccounts/NAME/token: a bound token. */
import type { ServiceAccount } from '../../api/core/service-account.ts';
import type { Shared } from '../../api/kind.ts';
import { serviceUnavailable } from '../../api/machinery/status.ts';
import { structSchema } from '../../api/schema/schema.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import type { ApiContext } from '../context.ts';
import { Admission, mutate, validate } from '../verbs/admit.ts';
import { decodeBody } from '../verbs/body.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { checkWriteOptions, isDryRun } from '../verbs/call-options.ts';
import { currentEntry } from '../verbs/get.ts';
import { notAllowed } from '../verbs/refusals.ts';

export async function requestToken(api: ApiContext, call: Call): Promise<Answer> {
  if (call.verb !== 'create') throw notAllowed(call);
  checkWriteOptions(call.options, 'CreateOptions');
  const { tokenIssuer } = api;
  if (!tokenIssuer)
    throw serviceUnavailable('this server has no key to sign service-account tokens with: set serviceAccountIssuer');
  const schema = {
    struct: structSchema('authentication/v1.TokenRequest'),
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
  };
  const object = decodeBody(call, schema);
  const account = currentEntry(call).object as unknown as Shared<ServiceAccount>;
  const kind = api.registry.resolve('authentication.k8s.io', 'v1', 'tokenrequests')?.hub;
  const admission = new Admission(call, {
    operation: 'CREATE',
    ...(kind ? { kind } : {}),
    object,
    dryRun: isDryRun(call.options),
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  });
  await mutate(api, admission);
  await validate(api, admission);
  return { code: 201, object: await tokenIssuer.request(account, admission.object as unknown as TokenRequest) };
}
