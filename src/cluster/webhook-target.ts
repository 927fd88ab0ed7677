/** Servers that are asked who somebody is, what he may do or which image may run: named, as upstream has it, by a kubeconfig file. */
import { dirname, resolve } from 'node:path';
import { parseYaml } from '../api/machinery/parse-yaml.ts';
import type { JsonPostTarget } from '../base/json-post.ts';
import { readUserFile, UserError } from './config.ts';

interface Entry {
  readonly name?: string;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly context?: { readonly cluster?: string; readonly user?: string };
}

/** The server of the file's current context, or of its only cluster. Throws UserError that names the flag and the file. */
export function readWebhookTarget(flag: string, file: string): JsonPostTarget {
  const wrong = (why: string) => new UserError(`${flag} ${file}: ${why}`);
  let value: unknown;
  try {
    value = parseYaml(readUserFile(flag, file)).value;
  } catch (error) {
    throw error instanceof UserError ? error : wrong((error as Error).message);
  }
  const {
    clusters = [],
    users = [],
    contexts = [],
    'current-context': current,
  } = (value ?? {}) as { clusters?: Entry[]; users?: Entry[]; contexts?: Entry[]; 'current-context'?: string };
  const context = contexts.find(({ name }) => name === current)?.context;
  if (current && !context) throw wrong(`there is no context ${current}`);
  const named = (list: readonly Entry[], name: string | undefined) =>
    name === undefined ? (list.length === 1 ? list[0] : undefined) : list.find((entry) => entry.name === name);
  const cluster = named(clusters, context?.cluster)?.cluster;
  const user = named(users, context?.user)?.user ?? {};
  const url = cluster?.['server'];
  if (!cluster || typeof url !== 'string')
    throw wrong('it names no server: one cluster, or a current context, is needed');
  if (!url.startsWith('https://')) throw wrong(`the server ${url} must be asked by https`);
  if (cluster['insecure-skip-tls-verify'])
    throw wrong('insecure-skip-tls-verify is not taken: name its certificate-authority');
  /** A text, in the file itself (base64) or in another one beside it. */
  const text = (from: Readonly<Record<string, unknown>>, name: string): string | undefined => {
    const inline = from[`${name}-data`];
    if (typeof inline === 'string') return Buffer.from(inline, 'base64').toString();
    const path = from[name];
    return typeof path === 'string' ? readUserFile(flag, resolve(dirname(file), path)) : undefined;
  };
  const given = {
    url,
    ca: text(cluster, 'certificate-authority'),
    cert: text(user, 'client-certificate'),
    key: text(user, 'client-key'),
    token: text(user, 'tokenFile')?.trim() ?? (user['token'] as string | undefined),
    serverName: cluster['tls-server-name'] as string | undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined)) as unknown as JsonPostTarget;
}
