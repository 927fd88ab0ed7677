import { randomBytes } from 'node:crypto';
import { Secret } from '../../api/core/secret.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { formatTime, parseTime, realClock } from '../../base/clock.ts';
import { parseDuration } from '../../base/duration.ts';
import { publicKeyPin } from '../../base/pki.ts';
import { adminClient, serverUrl } from '../../cluster/admin-client.ts';
import { paths, UserError } from '../../cluster/config.ts';
import { type ClusterSelection, findCluster } from '../../cluster/find.ts';
import { ensurePki, servingNames } from '../../cluster/pki.ts';
import type { OutputFormat } from '../progress.ts';

const namespace = 'kube-system';
const type = 'bootstrap.kubernetes.io/token';
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
const decode = (text: string | undefined) => (text === undefined ? '' : Buffer.from(text, 'base64').toString());

/** Characters of a join token: not a random choice to be replayed, but a secret. */
function secretText(length: number): string {
  let out = '';
  // Bytes above the last whole multiple of the alphabet would make some characters likelier than others.
  while (out.length < length)
    for (const byte of randomBytes(length)) if (byte < 252 && out.length < length) out += alphabet[byte % 36];
  return out;
}

interface TokenOptions extends ClusterSelection {
  readonly ttl: string;
  readonly output: OutputFormat;
}

/** `timonel token create`: a join token, printed once, with the pin of the cluster's CA. */
export async function createToken(options: TokenOptions): Promise<void> {
  const config = findCluster(options);
  const ttlMs = parseDuration(options.ttl);
  if (ttlMs === undefined)
    throw new UserError(
      `--ttl "${options.ttl}" is not a duration; write it as 24h, or 0 for a token that does not expire`,
      2,
    );
  const [id, secret] = [secretText(6), secretText(16)];
  const client = adminClient(config);
  try {
    await client.create(Secret, {
      metadata: { namespace, name: `bootstrap-token-${id}` },
      type,
      stringData: {
        'token-id': id,
        'token-secret': secret,
        ...(ttlMs ? { expiration: formatTime(realClock.now() + ttlMs) } : {}),
        'usage-bootstrap-authentication': 'true',
        'usage-bootstrap-signing': 'true',
        'auth-extra-groups': 'system:bootstrappers:timonel:node',
      },
    });
  } finally {
    await client.transport.close();
  }
  const { ca } = ensurePki(paths(config.dataDir).pki, servingNames(config), realClock.now());
  const facts = {
    token: `${id}.${secret}`,
    caPin: publicKeyPin(ca.cert),
    server: serverUrl(config).replace('127.0.0.1', config.nodeIp),
  };
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(facts)}\n` : `${facts.token}\n`);
}

/** `timonel token list`: without the secrets. */
export async function listTokens(options: ClusterSelection & { readonly output: OutputFormat }): Promise<void> {
  const client = adminClient(findCluster(options));
  try {
    const { items } = await client.list(Secret, { namespace, fieldSelector: `type=${type}` });
    const rows = items.map(({ data = {} }) => {
      const expiration = decode(data['expiration']);
      return {
        id: decode(data['token-id']),
        expires: expiration || null,
        expired: expiration !== '' && parseTime(expiration) < realClock.now(),
        groups: decode(data['auth-extra-groups']),
      };
    });
    if (options.output === 'json') process.stdout.write(`${JSON.stringify(rows)}\n`);
    else
      for (const row of rows)
        process.stdout.write(`${row.id.padEnd(10)}${(row.expires ?? 'never').padEnd(24)}${row.groups}\n`);
  } finally {
    await client.transport.close();
  }
}

/** `timonel token delete ID…`; a whole token is taken by its first part. */
export async function deleteTokens(ids: readonly string[], options: ClusterSelection): Promise<void> {
  const client = adminClient(findCluster(options));
  try {
    for (const token of ids) {
      const id = token.split('.')[0]!;
      await client.delete(Secret, { namespace, name: `bootstrap-token-${id}` }).catch((error: unknown) => {
        throw isNotFound(error) ? new UserError(`there is no token ${id}; "timonel token list" lists them`) : error;
      });
      process.stdout.write(`${id}\n`);
    }
  } finally {
    await client.transport.close();
  }
}
