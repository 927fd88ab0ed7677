import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { AuthorizationAttributes, AuthorizationResult, Authorizer } from './authorizer.ts';
import { createAuthorizer } from './authorizers.ts';
import { alwaysAllowAuthorizer, alwaysDenyAuthorizer, createAuthorizerChain } from './chain.ts';
import { formatRule } from './policy-text.ts';
import { ruleAllows, uncoveredRules } from './rule-match.ts';

/** `verb group/resource/subresource name`, or `verb /url`. */
function request(text: string): AuthorizationAttributes {
  const [verb = '', what = '', name] = text.split(' ');
  const user = { name: 'u', groups: [] };
  if (what.startsWith('/')) return { user, verb, resourceRequest: false, path: what };
  const [group = '', resource = '', subresource = ''] = what.split('/');
  return {
    ...{ user, verb, resourceRequest: true, group: group === 'core' ? '' : group, resource, subresource },
    ...(name ? { name } : {}),
  };
}

describe('an RBAC rule', () => {
  it.each<[rule: string, request: string, allowed: boolean]>([
    ['get list | core | pods', 'get core/pods a', true],
    ['get list | core | pods', 'list core/pods', true],
    ['get list | core | pods', 'watch core/pods', false],
    ['get list | core | pods', 'get core/secrets a', false],
    ['get list | core | pods', 'get apps/pods a', false],
    ['* | core | pods', 'anything core/pods a', true],
    ['* | core | pods', 'get core/pods/log a', false],
    ['get | * | pods', 'get metrics.k8s.io/pods a', true],
    ['get | apps | *', 'get apps/deployments/scale a', true],
    ['get | apps | *', 'get core/pods a', false],
    ['get | core | pods/log', 'get core/pods/log a', true],
    ['get | core | pods/log', 'get core/pods a', false],
    ['update | apps | */scale', 'update apps/deployments/scale a', true],
    ['update | apps | */scale', 'update apps/deployments a', false],
    ['update | apps | */scale', 'update apps/deployments/status a', false],
    ['get | core | secrets | mine', 'get core/secrets mine', true],
    ['get | core | secrets | mine', 'get core/secrets other', false],
    // What has no name yet, or names no single object, is not covered by names.
    ['create list | core | secrets | mine', 'create core/secrets', false],
    ['create list | core | secrets | mine', 'list core/secrets', false],
    ['list | core | secrets | mine', 'list core/secrets mine', true],
    ['get | /healthz', 'get /healthz', true],
    ['get | /healthz', 'get /healthz/etcd', false],
    ['get | /healthz/*', 'get /healthz/etcd', true],
    ['get | /healthz/*', 'get /healthz', false],
    ['get | /api*', 'get /apis/apps', true],
    ['get | *', 'get /anything', true],
    ['get | *', 'post /anything', false],
    ['* | *', 'get core/pods a', false],
    ['* | * | *', 'get /healthz', false],
    ['Get | core | pods', 'get core/pods a', false],
  ])('%s: %s is %s', (rule, asked, allowed) => {
    expect(ruleAllows(formatRule(rule), request(asked))).toBe(allowed);
  });

  it('that says nothing allows nothing', () => {
    for (const asked of ['get core/pods a', 'get /healthz'])
      expect(ruleAllows({ verbs: ['*'] }, request(asked))).toBe(false);
  });
});

describe('what somebody may grant', () => {
  const rules = (...lines: string[]): PolicyRule[] => lines.map(formatRule);
  it.each<[held: string[], wanted: string[], missing: string[]]>([
    [['get list | core | pods'], ['get | core | pods'], []],
    [['get | core | pods'], ['get list | core | pods'], ['list core/pods']],
    [['get | core | pods', 'list | core | pods'], ['get list | core | pods'], []],
    [['* | core | pods'], ['get escalate | core | pods'], []],
    [['get | core | pods'], ['* | core | pods'], ['* core/pods']],
    [['get | core | *'], ['get | core | pods pods/log'], []],
    [['get | core | pods'], ['get | core | *'], ['get core/*']],
    [['get | core | */log'], ['get | core | pods/log'], []],
    [['get | core | pods/log'], ['get | core | */log'], ['get core/*/log']],
    [['get | core | secrets | a'], ['get | core | secrets | a'], []],
    [['get | core | secrets | a'], ['get | core | secrets | a b'], ['get core/secrets b']],
    [['get | core | secrets | a'], ['get | core | secrets'], ['get core/secrets']],
    [['get | core | secrets'], ['get | core | secrets | a'], []],
    [['get | /healthz/*'], ['get | /healthz/etcd'], []],
    [['get | /healthz/etcd'], ['get | /healthz/*'], ['get /healthz/*']],
    [['* | * | *'], ['get | /healthz'], ['get /healthz']],
    [[], [], []],
  ])('with %j is, of %j, all but %j', (held, wanted, missing) => {
    const left = uncoveredRules(rules(...held), rules(...wanted)).flatMap((rule) =>
      rule.nonResourceURLs
        ? [`${rule.verbs[0]} ${rule.nonResourceURLs[0]}`]
        : [
            [
              `${rule.verbs[0]} ${rule.apiGroups![0] || 'core'}/${rule.resources![0]}`,
              ...(rule.resourceNames ?? []),
            ].join(' '),
          ],
    );
    expect(left).toEqual(missing);
  });
});

describe('authorizers one after the other', () => {
  const saying = (decision: AuthorizationResult['decision'], reason = '', wait = false): Authorizer => ({
    name: decision,
    authorize: () => (wait ? Promise.resolve({ decision, reason }) : { decision, reason }),
  });
  const failing: Authorizer = {
    name: 'failing',
    authorize: () => {
      throw new Error('down');
    },
  };
  const never: Authorizer = { name: 'never', authorize: () => Promise.reject(new Error('gone')) };
  const asked = request('get core/pods a');

  it.each<[string, Authorizer[], Partial<AuthorizationResult>]>([
    ['none', [], { decision: 'NoOpinion', reason: '' }],
    ['a yes', [saying('Allow', 'yes'), saying('Deny')], { decision: 'Allow', reason: 'yes' }],
    ['a no before a yes', [saying('Deny', 'no'), saying('Allow')], { decision: 'Deny', reason: 'no' }],
    [
      'no opinion before a yes',
      [saying('NoOpinion', 'hm'), saying('Allow', 'yes', true)],
      { decision: 'Allow', reason: 'yes' },
    ],
    ['a later no', [saying('NoOpinion', '', true), saying('Deny', 'no', true)], { decision: 'Deny', reason: 'no' }],
    [
      'no opinion at all',
      [saying('NoOpinion', 'a'), saying('NoOpinion', 'b', true)],
      { decision: 'NoOpinion', reason: 'a\nb' },
    ],
    ['one that fails before a yes', [failing, never, saying('Allow')], { decision: 'Allow' }],
    ['only some that fail', [failing, never], { decision: 'NoOpinion', reason: '', error: 'down, gone' }],
    ['AlwaysAllow', [alwaysAllowAuthorizer], { decision: 'Allow' }],
    ['AlwaysDeny', [alwaysDenyAuthorizer], { decision: 'NoOpinion', reason: 'Everything is forbidden.' }],
  ])('decide by %s', async (_, authorizers, wanted) => {
    expect(await createAuthorizerChain(authorizers).authorize(asked)).toMatchObject(wanted);
  });

  it('are not asked about system:masters, and about nobody else so', async () => {
    const as = (...groups: string[]) =>
      createAuthorizerChain([saying('Deny')]).authorize({ ...asked, user: { name: 'u', groups } });
    expect(await as('system:masters')).toMatchObject({ decision: 'Allow' });
    for (const group of ['system:master', 'System:masters', 'system:masters ']) {
      expect(await as(group)).toMatchObject({ decision: 'Deny' });
    }
    const named = createAuthorizerChain([saying('Deny')]).authorize({
      ...asked,
      user: { name: 'system:masters', groups: [] },
    });
    expect(await named).toMatchObject({ decision: 'Deny' });
  });

  it('need to be told whom to ask in the mode Webhook', () => {
    expect(() => createAuthorizer({ modes: ['Webhook'], informers: {} as never })).toThrow(
      'needs a webhook configuration',
    );
  });
});
