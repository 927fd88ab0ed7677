import { describe, expect, it } from 'vitest';
import * as names from './names.ts';

describe('names', () => {
  it.each([
    [names.dns1123Label, 'my-name', true],
    [names.dns1123Label, 'a'.repeat(63), true],
    [names.dns1123Label, 'a'.repeat(64), false],
    [names.dns1123Label, '-a', false],
    [names.dns1123Label, 'A', false],
    [names.dns1123Label, 'a\n', false],
    [names.dns1123Subdomain, 'example.com', true],
    [names.dns1123Subdomain, 'a..b', false],
    [names.dns1123Subdomain, '', false],
    [names.dns1123SubdomainWithUnderscore, '_svc.example_a.com', true],
    [names.dns1035Label, '1a', false],
    [names.dns1035Label, 'a1', true],
    [names.wildcardDns1123Subdomain, '*.bar.com', true],
    [names.wildcardDns1123Subdomain, '*.*.bar.com', false],
    [names.qualifiedName, 'example.com/MyName', true],
    [names.qualifiedName, 'a/b/c', false],
    [names.qualifiedName, '/b', false],
    [names.labelValue, '', true],
    [names.labelValue, 'a b', false],
    [names.portName, 'http-2', true],
    [names.portName, 'http--2', false],
    [names.portName, '80', false],
    [names.percent, '10%', true],
    [names.percent, '-10%', false],
    [names.configMapKey, '..data', false],
    [names.configMapKey, '.data', true],
    [names.relaxedEnvVarName, 'a b!', true],
    [names.relaxedEnvVarName, 'a=b', false],
    [names.pathSegmentName, 'system:node', true],
    [names.pathSegmentName, 'a%b', false],
    [names.cIdentifier, '_a1', true],
  ] as const)('%o accepts or refuses %j', (check, value, ok) => {
    expect(check(value).length === 0).toBe(ok);
  });

  it("words a bad label as upstream's clients print it", () => {
    expect(names.dns1123Label('A')).toEqual([
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ]);
    expect(names.dns1123Label('a.b')).toEqual(['must not contain dots']);
    expect(names.qualifiedName('example.com/')).toEqual([
      'name part must be non-empty',
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ]);
  });

  it('lets a generateName end with a hyphen', () => {
    expect(names.nameIsDnsLabel('web-', true)).toEqual([]);
    expect(names.nameIsDnsLabel('web-', false)).toHaveLength(1);
  });

  it('checks domain-prefixed values', () => {
    expect(names.domainPrefixedPath('p', 'acme.io/foo')).toEqual([]);
    expect(names.domainPrefixedPath('p', 'acme.io')[0]?.detail).toBe(
      'must be a domain-prefixed path (such as "acme.io/foo")',
    );
    expect(names.fullyQualifiedName('p', 'a.b')[0]?.detail).toBe(
      'should be a domain with at least three segments separated by dots',
    );
    expect(names.fullyQualifiedDomainName('p', 'a.b.')).toEqual([]);
  });
});
