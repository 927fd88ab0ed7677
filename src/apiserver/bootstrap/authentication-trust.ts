/** What extension API servers must know to believe this server's word about callers (upstream's clusterauthenticationtrust). */
import { ConfigMap } from '../../api/core/config-map.ts';
import { isAlreadyExists, isConflict } from '../../api/machinery/status.ts';
import { deepEqual } from '../../base/deep.ts';
import type { Client } from '../../client/client.ts';

export interface AuthenticationTrust {
  /** PEM bundles. */
  readonly clientCa: string;
  readonly proxyCa: string;
  /** Common names of the certificates that requests are passed on with. */
  readonly proxyNames: readonly string[];
}

const ref = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };

/** Writes the config map that they read; what others have put beside it stays. */
export async function publishAuthenticationTrust(client: Client, trust: AuthenticationTrust): Promise<void> {
  const list = (...values: readonly string[]) => JSON.stringify(values);
  const wanted = {
    'client-ca-file': trust.clientCa,
    'requestheader-allowed-names': list(...trust.proxyNames),
    'requestheader-client-ca-file': trust.proxyCa,
    'requestheader-extra-headers-prefix': list('X-Remote-Extra-'),
    'requestheader-group-headers': list('X-Remote-Group'),
    'requestheader-uid-headers': list('X-Remote-Uid'),
    'requestheader-username-headers': list('X-Remote-User'),
  };
  for (;;) {
    const found = await client.find(ConfigMap, ref);
    const data = { ...found?.data, ...wanted };
    if (found && deepEqual(found.data, data)) return;
    try {
      if (found) await client.update(ConfigMap, { ...found, data });
      else await client.create(ConfigMap, { metadata: ref, data });
      return;
    } catch (error) {
      // Another server on the same store does the same.
      if (!isConflict(error) && !isAlreadyExists(error)) throw error;
    }
  }
}
