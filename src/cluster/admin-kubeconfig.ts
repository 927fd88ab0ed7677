/** The administrator's kubeconfig: in the data dir, and merged into the user's own. */
import { existsSync } from 'node:fs';
import { serverUrl } from './admin-client.ts';
import { type ClusterConfig, contextName, paths, writeFileAtomic } from './config.ts';
import { type KubeconfigEntry, mergeKubeconfig, renderKubeconfig, replaceInKubeconfig } from './kubeconfig.ts';
import type { ClusterPki } from './pki.ts';

type Administrator = Pick<ClusterPki, 'ca' | 'admin'>;

const entryOf = (config: ClusterConfig, { ca, admin }: Administrator): KubeconfigEntry => ({
  name: contextName(config.name),
  server: serverUrl(config),
  ca: ca.cert,
  ...admin,
});

/** Writes it to the data dir, and alone to `file` or merged into the user's; returns which of the two. */
export function writeKubeconfigs(config: ClusterConfig, pki: Administrator, file: string | undefined): string {
  const entry = entryOf(config, pki);
  const whole = renderKubeconfig(entry);
  writeFileAtomic(paths(config.dataDir).adminKubeconfig, whole);
  if (file) writeFileAtomic(file, whole);
  else mergeKubeconfig(config.kubeconfig, entry);
  return file ?? config.kubeconfig;
}

/** Puts renewed credentials where the old ones are; a file from which the user has taken the cluster stays as it is. */
export function renewKubeconfigs(config: ClusterConfig, pki: Administrator): void {
  const entry = entryOf(config, pki);
  const own = paths(config.dataDir).adminKubeconfig;
  if (existsSync(own)) writeFileAtomic(own, renderKubeconfig(entry));
  replaceInKubeconfig(config.kubeconfig, entry);
}
