import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems } from '../admitted.ts';
import { MutatingAdmissionPolicy } from './mutating-admission-policy.ts';
import { ValidatingAdmissionPolicy } from './validating-admission-policy.ts';
import { ValidatingAdmissionPolicyBinding } from './validating-admission-policy-binding.ts';
import { ValidatingWebhookConfiguration } from './validating-webhook-configuration.ts';

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const webhook = {
  name: 'a.example.com',
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  clientConfig: { service: { name: 's', namespace: 'n' } },
  rules: [rule],
};
const configuration = (more: object = {}) =>
  admitted(ValidatingWebhookConfiguration, { webhooks: [{ ...webhook, ...more }] });

describe('webhooks', () => {
  it('have defaults', () => {
    expect(configuration().webhooks![0]).toMatchObject({
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      rules: [{ scope: '*' }],
      clientConfig: { service: { port: 443 } },
    });
    expect(createProblems(ValidatingWebhookConfiguration, configuration())).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    [
      'short name',
      { name: 'a' },
      ['webhooks[0].name: Invalid value: "a": should be a domain with at least three segments separated by dots'],
    ],
    [
      'plain HTTP',
      { clientConfig: { url: 'http://a.example' } },
      [
        'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      ],
    ],
    [
      'nowhere',
      { clientConfig: {} },
      ['webhooks[0].clientConfig: Required value: exactly one of url or service is required'],
    ],
    [
      'side effects',
      { sideEffects: 'Some' },
      ['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'],
    ],
    [
      'slow',
      { timeoutSeconds: 31 },
      ['webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds'],
    ],
    [
      'unknown review versions',
      { admissionReviewVersions: ['v9'] },
      ['webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1'],
    ],
    [
      'all groups and one',
      { rules: [{ ...rule, apiGroups: ['*', 'apps'] }] },
      [
        'webhooks[0].rules[0].apiGroups: Invalid value: ["*","apps"]: if \'*\' is present, must not specify other API groups',
      ],
    ],
    [
      'all resources and one',
      { rules: [{ ...rule, resources: ['*', 'pods'] }] },
      [
        'webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if \'*\' is present, must not specify other resources without subresources',
      ],
    ],
  ])('%s', (_, more, problems) => {
    expect(createProblems(ValidatingWebhookConfiguration, configuration(more))).toEqual(problems);
  });

  it('have names of their own', () => {
    const object = admitted(ValidatingWebhookConfiguration, { webhooks: [webhook, webhook] });
    expect(createProblems(ValidatingWebhookConfiguration, object)).toEqual([
      'webhooks[1].name: Duplicate value: "a.example.com"',
    ]);
  });
});

describe('admission policies', () => {
  const matchConstraints = { resourceRules: [rule] };
  it('that refuse need something to check', () => {
    const policy = admitted(ValidatingAdmissionPolicy, { spec: { matchConstraints } });
    expect(createProblems(ValidatingAdmissionPolicy, policy)).toEqual([
      'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
      'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
    ]);
    const fine = admitted(ValidatingAdmissionPolicy, {
      spec: {
        matchConstraints,
        validations: [{ expression: 'true' }],
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      },
    });
    expect(createProblems(ValidatingAdmissionPolicy, fine)).toEqual([]);
    expect(cells(ValidatingAdmissionPolicy, fine)).toMatchObject({ Validations: 1, ParamKind: 'v1/ConfigMap' });
  });

  it('that change need the patch of their type', () => {
    const spec = { matchConstraints, reinvocationPolicy: 'Never', mutations: [{ patchType: 'JSONPatch' }] };
    expect(createProblems(MutatingAdmissionPolicy, admitted(MutatingAdmissionPolicy, { spec }))).toEqual([
      'spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch',
    ]);
  });

  it('are bound with actions that make sense together', () => {
    const spec = {
      policyName: 'p',
      validationActions: ['Deny', 'Warn'],
      paramRef: { parameterNotFoundAction: 'Deny' },
    };
    expect(
      createProblems(ValidatingAdmissionPolicyBinding, admitted(ValidatingAdmissionPolicyBinding, { spec })),
    ).toEqual([
      'spec.paramRef: Required value: one of name or selector must be specified',
      'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ]);
  });
});
