/** A server with a memory store and a stock kubectl that talks to it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer, type TestServer, type TestServerOptions } from '../../src/apiserver/test-server.ts';
import { type RunResult, run } from '../clients/stock-clients.ts';

export interface Session extends AsyncDisposable {
  readonly server: TestServer;
  readonly folder: string;
  /** Runs a program with the session's kubeconfig; never rejects for its exit code. */
  exec(program: string, args: readonly string[], input?: string): Promise<RunResult>;
}

export async function startSession(options: TestServerOptions = {}): Promise<Session> {
  const server = await startTestServer(options);
  const folder = mkdtempSync(join(tmpdir(), 'timonel-kubectl-'));
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { url, ca, cert, key } = server.access;
  const kubeconfig = join(folder, 'config');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
      users: [{ name: 'test', user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }],
    }),
  );
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: folder, KUBECACHEDIR: join(folder, 'cache') };
  return {
    server,
    folder,
    exec: (program, args, input) => run(program, args, { env, ...(input === undefined ? {} : { input }) }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Where an older kubectl of Google's command line package would be. */
export const olderKubectl = (version: string): string => `/usr/lib/google-cloud-sdk/bin/kubectl.${version}`;
