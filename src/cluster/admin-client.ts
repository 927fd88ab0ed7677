/** The administrator's client to a running cluster, for the command line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '../client/client.ts';
import { createHttpTransport } from '../client/http.ts';
import { type ClusterConfig, paths } from './config.ts';

export const serverUrl = (config: ClusterConfig): string => `https://127.0.0.1:${config.apiPort}`;

/** A client over TLS with the administrator's certificate. */
export function adminClient(config: ClusterConfig): Client {
  const pem = (file: string) => readFileSync(join(paths(config.dataDir).pki, file), 'utf8');
  return createClient(
    createHttpTransport({ url: serverUrl(config), ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') }),
    { fieldManager: 'timonel' },
  );
}
