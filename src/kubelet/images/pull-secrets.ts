/** Credentials for registries, from the pull secrets of a pod. */
import type { Shared } from '../../api/kind.ts';
import type { Secret } from '../../api/types/core-v1.ts';
import { parseImageName } from '../../cri/image-name.ts';
import type { Sent } from '../../cri/types.ts';

interface DockerEntry {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

interface Credential {
  /** `host[/path]` or with a `*` in parts of the host name. */
  readonly pattern: string;
  readonly auth: Sent<'AuthConfig'>;
}

/** The credentials of one secret; none for a secret of another type or with broken content. */
export function readPullSecret(secret: Shared<Secret>): Credential[] {
  const modern = secret.data?.['.dockerconfigjson'];
  const legacy = secret.data?.['.dockercfg'];
  try {
    if (secret.type === 'kubernetes.io/dockerconfigjson' && modern) {
      return entries((JSON.parse(decode(modern)) as { auths?: Record<string, DockerEntry> }).auths ?? {});
    }
    if (secret.type === 'kubernetes.io/dockercfg' && legacy) {
      return entries(JSON.parse(decode(legacy)) as Record<string, DockerEntry>);
    }
  } catch {
    // A secret that cannot be read is as good as none; the registry's refusal tells.
  }
  return [];
}

const decode = (text: string) => Buffer.from(text, 'base64').toString('utf8');

function entries(auths: Record<string, DockerEntry>): Credential[] {
  return Object.entries(auths).map(([address, entry]) => {
    let { username = '', password = '' } = entry;
    if (entry.auth && !username) {
      const [user, ...rest] = decode(entry.auth).split(':');
      username = user ?? '';
      password = rest.join(':');
    }
    const pattern = address
      .replace(/^https?:\/\//, '')
      .replace(/\/v[12]\/?$/, '')
      .replace(/\/$/, '');
    return {
      pattern,
      auth: {
        username,
        password,
        identity_token: entry.identitytoken ?? '',
        registry_token: entry.registrytoken ?? '',
      },
    };
  });
}

/** The credentials that fit an image, the most specific first. */
export function credentialsFor(image: string, secrets: readonly Shared<Secret>[]): Sent<'AuthConfig'>[] {
  const parsed = parseImageName(image);
  if (!parsed) return [];
  const full = `${parsed.registry}/${parsed.repository}`;
  return secrets
    .flatMap(readPullSecret)
    .filter((credential) => fits(credential.pattern, full))
    .sort((a, b) => b.pattern.length - a.pattern.length)
    .map((credential) => credential.auth);
}

function fits(pattern: string, image: string): boolean {
  const [host = '', ...path] = normalizeHost(pattern).split('/');
  const [imageHost = '', ...imagePath] = image.split('/');
  const hostParts = host.split('.');
  const imageParts = imageHost.split('.');
  if (hostParts.length !== imageParts.length) return false;
  const hostFits = hostParts.every((part, i) => part === imageParts[i] || matchesGlob(part, imageParts[i]!));
  return hostFits && imagePath.join('/').startsWith(path.join('/'));
}

/** The default registry is also known by the name of its index. */
const normalizeHost = (pattern: string) => pattern.replace(/^index\.(docker\.io)(?=\/|$)/, '$1');

function matchesGlob(glob: string, text: string): boolean {
  if (!glob.includes('*')) return false;
  const escaped = glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`).test(text);
}
