import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { createAuthority } from '../base/pki.ts';
import { seededRandom } from '../base/random.ts';
import { readSecurity } from './security.ts';
import { readWebhookTarget } from './webhook-target.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'security-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const read = (settings: Partial<Parameters<typeof readSecurity>[0]>) =>
  readSecurity(
    {
      authenticationConfig: undefined,
      authenticationTokenWebhookConfigFile: undefined,
      tokenAuthFile: undefined,
      authorizationMode: undefined,
      authorizationWebhookConfigFile: undefined,
      admissionConfig: undefined,
      enableAdmission: [],
      disableAdmission: [],
      auditPolicy: undefined,
      auditLog: undefined,
      auditWebhookConfigFile: undefined,
      clusterDomain: 'cluster.local',
      ...settings,
    },
    { clock: new VirtualClock(), random: seededRandom(1), log: silentLogger },
  );

const authentication = (rest: string) =>
  file('authn.yaml', `apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n${rest}`);
const admission = (rest: string) =>
  file('admission.yaml', `apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n${rest}`);

describe('the security files', () => {
  it('may be absent', () => {
    expect(read({})).toMatchObject({ admission: { enable: [], disable: [] } });
    expect(read({}).authentication).toEqual({ furtherTokens: [] });
    expect(read({}).authorization).toEqual({});
  });

  it('open paths to everybody, or none', async () => {
    const open = async (text: string) => {
      const security = read({ authenticationConfig: authentication(text) });
      security.stop();
      const { anonymous } = security.authentication;
      const paths = ['/livez', '/healthz', '/api'];
      return paths.filter((path) => anonymous!.authenticate({ headers: {}, path }) !== undefined);
    };
    expect(await open('anonymous: {enabled: true, conditions: [{path: /livez}]}')).toEqual(['/livez']);
    expect(await open('anonymous: {enabled: true}')).toEqual(['/livez', '/healthz', '/api']);
    expect(await open('anonymous: {enabled: false}')).toEqual([]);
    expect(await open('jwt: []')).toEqual(['/livez', '/healthz']);
  });

  it('name servers to ask by kubeconfig files', () => {
    const ca = createAuthority('ca', 0);
    const client = createAuthority('client', 0);
    file('ca.pem', ca.cert);
    file('token', 'secret\n');
    const kubeconfig = (user: string, more = '') =>
      file(
        'webhook.yaml',
        `clusters: [{name: c, cluster: {server: "https://a.example/x", certificate-authority: ca.pem}}]\nusers: [{name: u, user: ${user}}]\n${more}`,
      );
    expect(readWebhookTarget('--flag', kubeconfig('{tokenFile: token}'))).toEqual({
      url: 'https://a.example/x',
      ca: ca.cert,
      token: 'secret',
    });
    const data = (text: string) => Buffer.from(text).toString('base64');
    const pair = `{client-certificate-data: ${data(client.cert)}, client-key-data: ${data(client.key)}}`;
    expect(readWebhookTarget('--flag', kubeconfig(pair))).toMatchObject({ cert: client.cert, key: client.key });
    for (const [text, why] of [
      ['clusters: []', 'it names no server'],
      ['clusters: [{name: c, cluster: {server: "http://a"}}]', 'must be asked by https'],
      ['clusters: [{name: c, cluster: {server: "https://a", insecure-skip-tls-verify: true}}]', 'is not taken'],
      ['current-context: x', 'there is no context x'],
      ['clusters: [', '--flag'],
    ] as const)
      expect(() => readWebhookTarget('--flag', file('bad.yaml', text))).toThrow(why);
    const authorizationWebhookConfigFile = kubeconfig('{}');
    expect(read({ auditWebhookConfigFile: authorizationWebhookConfigFile }).audit).toBeDefined();
    expect(read({}).audit).toBeUndefined();
    const { authorization, authentication } = read({
      authorizationMode: ['RBAC', 'Webhook'],
      authorizationWebhookConfigFile,
      authenticationTokenWebhookConfigFile: authorizationWebhookConfigFile,
      tokenAuthFile: file('tokens', 't,u,1'),
    });
    expect([authorization.modes, authorization.webhook?.name]).toEqual([['RBAC', 'Webhook'], 'Webhook']);
    expect([authentication.furtherTokens?.map(({ name }) => name), authentication.tokenFile]).toEqual([
      ['TokenWebhook'],
      't,u,1',
    ]);
  });

  it('name the server that image policies are asked of', () => {
    file('images.yaml', 'clusters: [{name: c, cluster: {server: "https://images.example"}}]');
    const admissionConfig = admission(
      'plugins: [{name: ImagePolicyWebhook, configuration: {imagePolicy: {kubeConfigFile: images.yaml, denyTTL: 5}}}]',
    );
    expect(read({ admissionConfig }).admission.configuration).toMatchObject({
      ImagePolicyWebhook: { imagePolicy: { denyTTL: 5, target: { url: 'https://images.example' } } },
    });
  });

  it('configure plugins, inline or from a file beside theirs', () => {
    file('events.yaml', 'limits: [{type: Server, qps: 5, burst: 10}]');
    const admissionConfig = admission(
      'plugins:\n- name: EventRateLimit\n  path: events.yaml\n- name: PodSecurity\n  configuration: {defaults: {enforce: baseline}}',
    );
    expect(read({ admissionConfig, enableAdmission: ['EventRateLimit'] }).admission).toEqual({
      enable: ['EventRateLimit'],
      disable: [],
      configuration: {
        EventRateLimit: { limits: [{ type: 'Server', qps: 5, burst: 10 }] },
        PodSecurity: { defaults: { enforce: 'baseline' } },
      },
    });
  });

  it.each<[string, () => Parameters<typeof read>[0], string]>([
    ['a file that is not there', () => ({ authenticationConfig: join(folder, 'none') }), '--authentication-config'],
    [
      'a file of another kind',
      () => ({ authenticationConfig: file('x.yaml', 'kind: Pod') }),
      'Kind=AuthenticationConfiguration',
    ],
    [
      'a misspelt field',
      () => ({ authenticationConfig: authentication('anonymous: {enabled: true, condition: [{path: /livez}]}') }),
      'anonymous.condition: Invalid value: "condition": unknown field',
    ],
    [
      'an issuer that is the cluster itself',
      () => ({
        authenticationConfig: authentication(
          'jwt: [{issuer: {url: "https://kubernetes.default.svc.cluster.local", audiences: [a]}, claimMappings: {username: {claim: sub, prefix: ""}}}]',
        ),
      }),
      'URL must not overlap with disallowed issuers',
    ],
    ['YAML that is none', () => ({ admissionConfig: file('y.yaml', 'a: [') }), '--admission-config'],
    ['an unknown plugin', () => ({ admissionConfig: admission('plugins: [{name: Nope}]') }), 'plugins[0].name: "Nope"'],
    [
      'a plugin twice',
      () => ({ admissionConfig: admission('plugins: [{name: PodSecurity}, {name: PodSecurity}]') }),
      'configured twice',
    ],
    ['an unknown mode', () => ({ authorizationMode: ['ABAC'] }), '--authorization-mode ABAC'],
    ['the mode Webhook without a server', () => ({ authorizationMode: ['Webhook'] }), 'are needed together'],
    ['tokens without a user', () => ({ tokenAuthFile: file('tokens', 'only') }), '--token-auth-file'],
    ['a policy without a log', () => ({ auditPolicy: file('p.yaml', '') }), '--audit-policy needs --audit-log'],
    [
      'an empty policy',
      () => ({ auditPolicy: file('p.yaml', 'a: b'), auditLog: join(folder, 'log') }),
      '--audit-policy',
    ],
  ])('say what is wrong with %s', (_, settings, message) => {
    expect(() => read(settings())).toThrow(message);
  });
});
