/** Image references as Docker and Kubernetes write them, and their full form. */

/** The registry of names that have none, which runtimes know by this name. */
const defaultRegistry = 'docker.io';

/** A reference taken apart. */
export interface ImageName {
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const componentPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;

/** Takes a reference apart and completes it as runtimes do; undefined for what is no reference. */
export function parseImageName(reference: string): ImageName | undefined {
  const match = /^(?<name>[^@]+?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[a-z0-9]+:[0-9a-f]{32,}))?$/i.exec(
    reference,
  );
  const name = match?.groups?.['name'];
  if (!name) return undefined;
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isRegistry = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
  const path = isRegistry ? name.slice(slash + 1) : name;
  if (!path.split('/').every((component) => componentPattern.test(component))) return undefined;
  const registry = isRegistry ? first : defaultRegistry;
  const { tag, digest } = match.groups as { tag?: string; digest?: string };
  return {
    registry,
    repository: registry === defaultRegistry && !path.includes('/') ? `library/${path}` : path,
    ...(tag ? { tag } : {}),
    ...(digest ? { digest } : {}),
  };
}

/** The full form, with the tag `latest` where the reference has neither tag nor digest; undefined for what is no reference. */
export function fullImageName(reference: string): string | undefined {
  const parsed = parseImageName(reference);
  if (!parsed) return undefined;
  const tag = parsed.tag ?? (parsed.digest ? undefined : 'latest');
  return `${parsed.registry}/${parsed.repository}${tag ? `:${tag}` : ''}${parsed.digest ? `@${parsed.digest}` : ''}`;
}

/** Whether a reference has the tag `latest`, said or implied: such images are always pulled by default. */
export function isLatestTag(reference: string): boolean {
  const parsed = parseImageName(reference);
  return parsed !== undefined && !parsed.digest && (parsed.tag ?? 'latest') === 'latest';
}
