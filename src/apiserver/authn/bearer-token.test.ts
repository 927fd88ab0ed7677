import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { createAuthenticationChain, withAuthenticatedGroup } from './authentication-chain.ts';
import {
  bearerToken,
  createBearerAuthenticator,
  createTokenChain,
  forAudiences,
  type TokenAuthenticator,
  TokenError,
  withoutBearerProtocol,
} from './bearer-token.ts';
import { headersByPrefix, headerValues } from './headers.ts';
import { createTokenFileAuthenticator } from './token-file.ts';

const encoded = Buffer.from('tok').toString('base64url');
const protocol = `base64url.bearer.authorization.k8s.io.${encoded}`;
const request = (headers: Record<string, string>) => ({ headers, path: '/' });

describe('bearer tokens', () => {
  it.each<[Record<string, string>, string | undefined]>([
    [{ authorization: 'Bearer abc' }, 'abc'],
    [{ authorization: 'bearer abc' }, 'abc'],
    [{ authorization: 'Bearer abc def' }, undefined],
    [{ authorization: 'Basic abc' }, undefined],
    [{}, undefined],
    [{ upgrade: 'websocket', 'sec-websocket-protocol': `v4.channel.k8s.io, ${protocol}` }, 'tok'],
    [{ upgrade: 'websocket', 'sec-websocket-protocol': protocol }, undefined],
    [{ upgrade: 'websocket', 'sec-websocket-protocol': `a, ${protocol}, ${protocol}` }, undefined],
    [{ 'sec-websocket-protocol': `a, ${protocol}` }, undefined],
  ])('of %j is %j', (headers, token) => {
    expect(bearerToken(request(headers))).toBe(token);
  });

  it('are not passed on in the list of sub-protocols', () => {
    expect(withoutBearerProtocol(`a,${protocol} , b`)).toBe('a, b');
    expect(withoutBearerProtocol(protocol)).toBeUndefined();
  });
});

describe('token authenticators', () => {
  const knows = (name: string): TokenAuthenticator => ({
    name,
    authenticateToken: async (token) => {
      if (token === `${name}-bad`) throw new TokenError('bad');
      if (token === `${name}-broken`) throw new Error('down');
      return token === name ? { user: { name, groups: [] } } : undefined;
    },
  });
  const chain = createTokenChain([knows('a'), knows('b')], silentLogger);

  it('are asked in order, whatever happens to one of them', async () => {
    expect((await chain.authenticateToken('b', []))?.user.name).toBe('b');
    expect(await chain.authenticateToken('a-bad', [])).toBeUndefined();
    expect(await chain.authenticateToken('a-broken', [])).toBeUndefined();
  });

  it('that know no audience are good for the API server only', async () => {
    const api = forAudiences(knows('a'), ['api']);
    expect(await api.authenticateToken('a', ['vault'])).toBeUndefined();
    expect(await api.authenticateToken('a', ['vault', 'api'])).toMatchObject({ audiences: ['api'] });
  });

  it('refuse rather than ignore what nobody knows', async () => {
    const bearer = createBearerAuthenticator(chain, ['api']);
    await expect(bearer.authenticate(request({ authorization: 'Bearer x' }))).rejects.toMatchObject({ code: 401 });
    await expect(bearer.authenticate(request({ authorization: 'Bearer ' }))).rejects.toMatchObject({ code: 401 });
    expect(await bearer.authenticate(request({}))).toBeUndefined();
    const anonymous = { name: 'anonymous', authenticate: () => ({ user: { name: 'system:anonymous', groups: [] } }) };
    const all = createAuthenticationChain([bearer], anonymous);
    await expect(all.authenticate(request({ authorization: 'Bearer x' }))).rejects.toMatchObject({ code: 401 });
    expect((await all.authenticate(request({})))?.user.name).toBe('system:anonymous');
    expect((await all.authenticate(request({ authorization: 'Bearer b' })))?.user.groups).toEqual([
      'system:authenticated',
    ]);
  });

  it('leave anonymous out of the group of the authenticated', () => {
    expect(withAuthenticatedGroup({ name: 'system:anonymous', groups: [] }).groups).toEqual([]);
    expect(withAuthenticatedGroup({ name: 'a', groups: ['system:authenticated'] }).groups).toEqual([
      'system:authenticated',
    ]);
  });
});

describe('headers', () => {
  it('stay apart when they repeat', () => {
    const raw = { headers: { 'x-group': 'a, b, c' }, rawHeaders: ['X-Group', 'a, b', 'Other', 'x', 'x-group', 'c'] };
    expect(headerValues(raw, 'X-Group')).toEqual(['a, b', 'c']);
    expect(headerValues({ headers: { 'x-group': 'a, b' } }, 'X-Group')).toEqual(['a, b']);
  });

  it('are found by prefix, with decoded names', () => {
    const raw = {
      headers: {},
      rawHeaders: ['X-Extra-Example.com%2fTeam', 'a', 'X-Extra-', 'b', 'X-Extra-%zz', 'c', 'X-Extra-__proto__', 'd'],
    };
    const found = headersByPrefix(raw, 'X-Extra-');
    expect(found['example.com/team']).toEqual(['a']);
    expect(found['%zz']).toEqual(['c']);
    expect(Object.keys(found)).toContain('__proto__');
  });
});

describe('token files', () => {
  it('name users, with quotes and comments', async () => {
    const file = createTokenFileAuthenticator('# people\nt1,ann,1,"a, ""b"""\r\n\n"t,2",bob,\n');
    expect((await file.authenticateToken('t1', []))?.user).toEqual({ name: 'ann', uid: '1', groups: ['a', '"b"'] });
    expect((await file.authenticateToken('t,2', []))?.user).toEqual({ name: 'bob', groups: [] });
    expect(await file.authenticateToken('t', [])).toBeUndefined();
  });

  it.each(['t1,ann', ',ann,1', 't1'])('refuse the line %j', (line) => {
    expect(() => createTokenFileAuthenticator(`ok,a,1\n${line}`)).toThrow('line 2');
  });
});
