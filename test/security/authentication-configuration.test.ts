import { describe, expect, it } from 'vitest';
import { readAuthenticationConfiguration } from '../../src/apiserver/authn/authentication-configuration.ts';
import { configuredAuthentication } from '../../src/apiserver/authn/configured-authentication.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { createAuthority } from '../../src/base/pki.ts';

const authority = createAuthority('idp', Date.now());

describe('an AuthenticationConfiguration', () => {
  const config = (jwt: object[], more: object = {}) => ({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt,
    ...more,
  });
  const issuerOf = (more: object) => ({ issuer: { url: 'https://i', audiences: ['a'], ...more } });
  const mapping = (more: object) => ({ claimMappings: { username: { claim: 'sub', prefix: '' }, ...more } });
  const good = { ...issuerOf({}), ...mapping({}) };
  const extra = (key: string, valueExpression = "'x'") => mapping({ extra: [{ key, valueExpression }] });
  const email = { username: { expression: 'claims.email' } };
  const domain = 'must be a domain-prefixed path';

  it.each<[object, string]>([
    [issuerOf({ url: '' }), 'jwt[0].issuer.url: Required value'],
    [issuerOf({ url: 'http://i' }), 'jwt[0].issuer.url: Invalid value: "http://i": URL scheme must be https'],
    [issuerOf({ url: 'https://u:p@i' }), 'URL must not contain a username or password'],
    [issuerOf({ url: 'https://i?a=b' }), 'URL must not contain a query'],
    [issuerOf({ url: 'https://i#a' }), 'URL must not contain a fragment'],
    [issuerOf({ url: 'https://own' }), 'URL must not overlap with disallowed issuers: [https://own]'],
    [issuerOf({ discoveryURL: 'https://i/' }), 'discoveryURL must be different from URL'],
    [
      issuerOf({ discoveryURL: 'http://d' }),
      'jwt[0].issuer.discoveryURL: Invalid value: "http://d": URL scheme must be https',
    ],
    [
      issuerOf({ audiences: [] }),
      'jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required',
    ],
    [issuerOf({ audiences: [''] }), 'jwt[0].issuer.audiences[0]: Required value'],
    [
      issuerOf({ audiences: ['a', 'a'], audienceMatchPolicy: 'MatchAny' }),
      'jwt[0].issuer.audiences[1]: Duplicate value: "a"',
    ],
    [issuerOf({ audiences: ['a', 'b'] }), 'audienceMatchPolicy must be MatchAny for multiple audiences'],
    [
      issuerOf({ audienceMatchPolicy: 'MatchAll' }),
      'audienceMatchPolicy must be empty or MatchAny for single audience',
    ],
    [issuerOf({ certificateAuthority: 'x' }), 'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>"'],
    [issuerOf({ egressSelectorType: 'etcd' }), 'egress selector must be either controlplane or cluster'],
    [mapping({ username: {} }), 'jwt[0].claimMappings.username: Required value: claim or expression is required'],
    [mapping({ username: { claim: 'sub' } }), 'prefix is required when claim is set'],
    [mapping({ username: { claim: 'a', expression: 'b' } }), "claim and expression can't both be set"],
    [mapping({ username: { expression: "'a'", prefix: 'b' } }), 'may not be specified when expression is set'],
    [
      mapping({ username: { expression: 'claims.' } }),
      'jwt[0].claimMappings.username.expression: Invalid value: "claims."',
    ],
    [mapping({ groups: { claim: 'g' } }), 'jwt[0].claimMappings.groups.prefix: Required value'],
    [
      mapping({ uid: { claim: 'a', expression: 'b' } }),
      'jwt[0].claimMappings.uid: Invalid value: "": claim and expression can\'t both be set',
    ],
    [mapping(email), 'claims.email_verified must be used'],
    [extra('tenant'), domain],
    [extra('/tenant'), domain],
    [extra('example.com/'), domain],
    [extra('example.com/Tenant'), 'must be lowercase'],
    [extra('k8s.io/tenant'), 'are reserved for Kubernetes use'],
    [extra('a.kubernetes.io/tenant'), 'are reserved for Kubernetes use'],
    [extra('example.com/tenant', ''), 'extra[0].valueExpression: Required value'],
    [
      mapping({ extra: ['x', 'y'].map((x) => ({ key: 'a.b/c', valueExpression: `'${x}'` })) }),
      'extra[1].key: Duplicate value',
    ],
    [{ claimValidationRules: [{}] }, 'claimValidationRules[0]: Required value: claim or expression is required'],
    [{ claimValidationRules: [{ claim: 'a', expression: 'true' }] }, "claim and expression can't both be set"],
    [{ claimValidationRules: [{ claim: 'a', message: 'b' }] }, 'may not be specified when claim is set'],
    [
      { claimValidationRules: [{ expression: 'true', requiredValue: 'b' }] },
      'may not be specified when expression is set',
    ],
    [{ claimValidationRules: [{ claim: 'a' }, { claim: 'a' }] }, 'claimValidationRules[1].claim: Duplicate value: "a"'],
    [{ claimValidationRules: [{ expression: "'true'" }] }, 'must evaluate to bool'],
    [{ userValidationRules: [{}] }, 'userValidationRules[0].expression: Required value'],
    [
      { userValidationRules: [{ expression: 'user.name' }] },
      'userValidationRules[0].expression: Invalid value: "user.name"',
    ],
    [
      { userValidationRules: [{ expression: 'true' }, { expression: 'true' }] },
      'userValidationRules[1].expression: Duplicate value',
    ],
    [{ userValidationRule: [] }, 'jwt[0].userValidationRule: Invalid value: "userValidationRule": unknown field'],
  ])('with %j is refused', (more, message) => {
    expect(() => readAuthenticationConfiguration(config([{ ...good, ...more }]), ['https://own'])).toThrow(message);
  });

  it.each<[object]>([
    [{}],
    [issuerOf({ audiences: ['a', 'b'], audienceMatchPolicy: 'MatchAny', egressSelectorType: 'cluster' })],
    [issuerOf({ discoveryURL: 'https://own', certificateAuthority: authority.cert })],
    [mapping({ ...email, extra: [{ key: 'a.b/c', valueExpression: 'claims.?email_verified.orValue(false)' }] })],
    [{ ...mapping(email), claimValidationRules: [{ expression: 'claims.email_verified == true' }] }],
  ])('with %j is taken', (more) => {
    expect(() => readAuthenticationConfiguration(config([{ ...good, ...more }]), ['https://own'])).not.toThrow();
  });

  it('has at most 64 issuers, each once', () => {
    const many = (count: number) =>
      config(Array.from({ length: count }, (_, i) => ({ ...good, issuer: { ...good.issuer, url: `https://i${i}` } })));
    expect(() => readAuthenticationConfiguration(many(64))).not.toThrow();
    expect(() => readAuthenticationConfiguration(many(65))).toThrow('jwt: Too many: 65: must have at most 64 items');
    expect(() => readAuthenticationConfiguration(config([good, good]))).toThrow('jwt[1].issuer.url: Duplicate value');
    const conditions = { anonymous: { enabled: false, conditions: [{ path: '/livez' }] } };
    expect(() => readAuthenticationConfiguration(config([], conditions))).toThrow(
      'enabled should be set to true when conditions are defined',
    );
  });

  it('is read again when its file has changed; what was good stays when the new text is not', async () => {
    const clock = new VirtualClock();
    const text = (paths: string[]) =>
      JSON.stringify(config([], { anonymous: { enabled: true, conditions: paths.map((path) => ({ path })) } }));
    let file = text(['/a']);
    const configured = configuredAuthentication({
      read: () => {
        if (file === 'gone') throw new Error('no such file');
        return file;
      },
      parse: JSON.parse,
      disallowedIssuers: [],
      clock,
      log: silentLogger,
    });
    const open = () =>
      ['/a', '/b'].filter((path) => configured.anonymous.authenticate({ headers: {}, path }) !== undefined);
    const seen = [open()];
    for (const next of [text(['/b']), 'gone', '{}', text(['/a', '/b'])]) {
      file = next;
      await clock.advance(61_000);
      seen.push(open());
    }
    expect(seen).toEqual([['/a'], ['/b'], ['/b'], ['/b'], ['/a', '/b']]);
    configured.stop();
  });
});
