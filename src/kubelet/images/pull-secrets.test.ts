import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Secret } from '../../api/types/core-v1.ts';
import { credentialsFor } from './pull-secrets.ts';

const encode = (text: string) => Buffer.from(text).toString('base64');
const secret = (auths: object): Shared<Secret> =>
  ({
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': encode(JSON.stringify({ auths })) },
  }) as unknown as Shared<Secret>;
const users = (image: string, ...secrets: Shared<Secret>[]) =>
  credentialsFor(image, secrets).map((auth) => auth.username);

describe('pull secrets', () => {
  it('fit by registry, longer paths first', () => {
    const one = secret({
      'registry.test': { username: 'any', password: 'p' },
      'registry.test/team': { auth: encode('team:s3cret:with:colons') },
      'other.test': { username: 'other' },
    });
    expect(users('registry.test/team/app:1', one)).toEqual(['team', 'any']);
    expect(users('registry.test/x', one)).toEqual(['any']);
    expect(credentialsFor('registry.test/team/app', [one])[0]?.password).toBe('s3cret:with:colons');
  });

  it('know the default registry by its old names, and globs in host names', () => {
    expect(users('web:1', secret({ 'https://index.docker.io/v1/': { username: 'hub' } }))).toEqual(['hub']);
    expect(users('eu.cloud.test/x', secret({ '*.cloud.test': { username: 'cloud' } }))).toEqual(['cloud']);
    expect(users('a.b.cloud.test/x', secret({ '*.cloud.test': { username: 'cloud' } }))).toEqual([]);
  });

  it('of the old type are read, broken and foreign ones are not', () => {
    const old = {
      type: 'kubernetes.io/dockercfg',
      data: { '.dockercfg': encode(JSON.stringify({ 'r.test': { username: 'u' } })) },
    };
    const broken = { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': encode('{') } };
    expect(users('r.test/x', old as never, broken as never, { type: 'Opaque', data: {} } as never)).toEqual(['u']);
  });
});
