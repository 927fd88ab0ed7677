import { realClock } from '../../base/clock.ts';
import { serverUrl } from '../../cluster/admin-client.ts';
import { contextName, paths } from '../../cluster/config.ts';
import { findCluster } from '../../cluster/find.ts';
import { renderKubeconfig } from '../../cluster/kubeconfig.ts';
import { ensurePki, issueClient, servingNames } from '../../cluster/pki.ts';

interface KubeconfigOptions {
  readonly name?: string;
  readonly dataDir?: string;
  readonly user?: string;
  readonly group?: string[];
}

/** `timonel kubeconfig`: on standard output; for another user a certificate is issued on the spot, valid for a year. */
export function kubeconfig(options: KubeconfigOptions): void {
  const config = findCluster(options);
  const now = realClock.now();
  const pki = ensurePki(paths(config.dataDir).pki, servingNames(config), now);
  const credentials =
    options.user || options.group
      ? issueClient(pki.ca, options.user ?? 'kubernetes-admin', options.group ?? [], now)
      : pki.admin;
  process.stdout.write(
    renderKubeconfig({ name: contextName(config.name), server: serverUrl(config), ca: pki.ca.cert, ...credentials }),
  );
}
