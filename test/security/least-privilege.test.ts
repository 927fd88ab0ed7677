/** What the sources themselves must show: what controllers may do, and how credentials are compared. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinKinds } from '../../src/api/kinds.gen.ts';
import { controllerRoles } from '../../src/apiserver/authz/controller-roles.ts';
import { ruleAllows } from '../../src/apiserver/authz/rule-match.ts';
import { builtinControllers } from '../../src/controllers/controllers.gen.ts';

/** Those that run unless something is asked for besides. */
const controllers = builtinControllers.filter(({ requires }) => !requires);
const roles = controllerRoles(controllers);
const may = (
  rules: readonly object[],
  verb: string,
  { group, resource, subresource = '' }: { group: string; resource: string; subresource?: string },
) =>
  rules.some((rule) =>
    ruleAllows(rule as never, {
      user: { name: 'x', groups: [] },
      verb,
      resourceRequest: true,
      group,
      resource,
      subresource,
    }),
  );
const holders = (verb: string, group: string, resource: string, subresource = '') =>
  roles
    .filter(({ rules }) => may(rules, verb, { group, resource, subresource }))
    .map(({ account }) => account)
    .sort();

describe('controllers', () => {
  it('read nothing that they do not watch, but for what upstream lets them', () => {
    const unwatched = controllers.flatMap(({ name, rbac, ...definition }) => {
      const kinds = [
        definition.for,
        ...(definition.owns ?? []),
        ...(definition.reads ?? []),
        ...(definition.watches ?? []).map(({ kind }) => kind),
      ];
      const watched = new Set(kinds.map((kind) => kind?.plural));
      return rbac
        .filter(({ verbs }) => verbs.includes('list') || verbs.includes('watch') || verbs.includes('*'))
        .flatMap(({ resources = [] }) => resources.map((resource) => resource.split('/')[0]!))
        .filter((resource) => !watched.has(resource))
        .map((resource) => `${name}: ${resource}`);
    });
    expect([...new Set(unwatched)].sort()).toEqual([
      'attachdetach-controller: csinodes',
      'cronjob-controller: pods',
      'generic-garbage-collector: *',
      'horizontal-pod-autoscaler: *',
      'lease-cleanup-controller: leasecandidates',
      'namespace-controller: *',
      'resourcequota-controller: *',
    ]);
  });

  it('have rules for resources that there are', () => {
    const known = new Set(builtinKinds.map((kind) => `${kind.group}/${kind.plural}`));
    const unknown = builtinControllers.flatMap(({ name, rbac }) =>
      rbac.flatMap(({ apiGroups = [], resources = [] }) =>
        apiGroups.flatMap((group) =>
          resources
            .map((resource) => resource.split('/')[0]!)
            .filter((resource) => group !== '*' && resource !== '*' && !known.has(`${group}/${resource}`))
            .map((resource) => `${name}: ${group}/${resource}`),
        ),
      ),
    );
    // Signers are checked for and never served; lease candidates are of a version that is off by default.
    expect([...new Set(unknown)].sort()).toEqual([
      'certificate-controller: certificates.k8s.io/signers',
      'lease-cleanup-controller: coordination.k8s.io/leasecandidates',
    ]);
  });

  it('never impersonate, bind, approve or reach into pods, but for those whose work it is', () => {
    expect(holders('impersonate', '', 'users')).toEqual([]);
    expect(holders('impersonate', '', 'serviceaccounts')).toEqual([]);
    expect(holders('bind', 'rbac.authorization.k8s.io', 'clusterroles')).toEqual([]);
    expect(holders('escalate', 'rbac.authorization.k8s.io', 'clusterroles')).toEqual([
      'clusterrole-aggregation-controller',
    ]);
    expect(holders('create', '', 'pods', 'exec')).toEqual([]);
    expect(holders('create', '', 'nodes', 'proxy')).toEqual([]);
    expect(holders('create', 'rbac.authorization.k8s.io', 'clusterrolebindings')).toEqual([]);
  });

  it('that may do everything are those that delete and count everything', () => {
    const everything = { group: 'any.example', resource: 'things' };
    const all = (verb: string) =>
      roles.filter(({ rules }) => may(rules, verb, everything)).map(({ account }) => account);
    expect(all('create')).toEqual([]);
    expect(all('list').sort()).toEqual([
      'generic-garbage-collector',
      'namespace-controller',
      'resourcequota-controller',
    ]);
    expect(all('delete').sort()).toEqual(['generic-garbage-collector', 'namespace-controller']);
  });

  it('read secrets only where tokens, or all that there is, are their work', () => {
    const everything = ['generic-garbage-collector', 'namespace-controller', 'resourcequota-controller'];
    expect(holders('list', '', 'secrets').filter((account) => !everything.includes(account))).toEqual([
      'legacy-service-account-token-cleaner',
      'tokens-controller',
    ]);
    expect(holders('create', '', 'secrets')).toEqual(['tokens-controller']);
    expect(holders('create', '', 'serviceaccounts', 'token')).toEqual([]);
  });
});

/** The TypeScript sources of a folder, without tests. */
function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('types/'))
    .map((name) => join(folder, name));
}

/** Whether a line compares a credential with anything but a literal. */
function comparesCredential(line: string): boolean {
  const operand = String.raw`[\w.?!]+(?:\(\w*\))?|'[^']*'|"[^"]*"`;
  for (const [whole, left, right] of line
    .matchAll(new RegExp(`(typeof )?(${operand})\\s*[!=]==?\\s*(${operand})`, 'g'))
    .map(([all, type, a, b]) => [type ? '' : all, a!, b!] as const)) {
    if (whole === '' || [left, right].some((side) => /^(?:['"\d]|undefined$|null$|true$|false$)/.test(side))) continue;
    const credential = (side: string) =>
      /(?:token|secret|password|hmac|digest|signature)s?$/i.test(side.replace(/\(\w*\)$/, ''));
    if (credential(left) || credential(right)) return true;
  }
  return false;
}

describe('credentials', () => {
  it.each<[string, boolean]>([
    ['if (token === kept)', true],
    ['kept !== secret.token', true],
    ['return a.password == b', true],
    ['digest(a) === digest(b)', true],
    ["if (token === '')", false],
    ['token !== undefined', false],
    ["typeof token === 'string'", false],
    ['secret.type === tokenType', false],
    ['ref.name === secret.metadata.name', false],
  ])('%s: %s', (line, found) => expect(comparesCredential(line)).toBe(found));

  it('are never compared as texts, which takes the longer the more is right', () => {
    const root = new URL('../../src/', import.meta.url).pathname;
    const folders = ['apiserver', 'cluster', 'cli', 'kubelet', 'controllers', 'base', 'network'];
    const found = folders.flatMap((folder) =>
      sources(join(root, folder)).flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => !/^\s*(?:\/\/|\*|\/\*)/.test(line) && comparesCredential(line))
          .map((line) => `${file.slice(root.length)}: ${line.trim()}`),
      ),
    );
    expect(found).toEqual([]);
  });

  it.each(['service-account-tokens.ts', 'bootstrap-token.ts'])(
    'that are kept are compared in constant time: %s',
    (file) => {
      const text = readFileSync(new URL(`../../src/apiserver/authn/${file}`, import.meta.url), 'utf8');
      expect(text).toMatch(/timingSafeEqual\(hash\(\w+\), hash\(\w+\)\)/);
    },
  );
});
