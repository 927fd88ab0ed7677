import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { fieldErrorMessage } from '../machinery/field-error.ts';
import { DeviceClass } from './device-class.ts';
import { ResourceClaim } from './resource-claim.ts';
import { ResourceClaimTemplate } from './resource-claim-template.ts';

type Exactly = Record<string, unknown>;
const devices = (exactly: Exactly, more: object = {}) => ({
  devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', ...exactly } }], ...more },
});
const claim = (exactly: Exactly, more: object = {}) => admitted(ResourceClaim, { spec: devices(exactly, more) });
const problems = (exactly: Exactly, more: object = {}) => createProblems(ResourceClaim, claim(exactly, more));
const selecting = (...expressions: string[]) => ({
  selectors: expressions.map((expression) => ({ cel: { expression } })),
});

describe('ResourceClaim', () => {
  it('asks for one device by default', () => {
    const object = claim({ tolerations: [{ key: 'k' }] });
    expect(object.spec.devices.requests![0]!.exactly).toEqual({
      deviceClassName: 'gpu',
      allocationMode: 'ExactCount',
      count: 1,
      tolerations: [{ key: 'k', operator: 'Equal' }],
    });
    expect(createProblems(ResourceClaim, object)).toEqual([]);
    expect(cells(ResourceClaim, object).State).toBe('pending');
  });

  const at = 'spec.devices.requests[0].exactly';
  it.each<[string, Exactly, string]>([
    ['without a class', { deviceClassName: '' }, `${at}.deviceClassName: Required value`],
    [
      'for a number of all',
      { allocationMode: 'All', count: 2 },
      `${at}.count: Invalid value: 2: must not be specified when allocationMode is 'All'`,
    ],
    ['for less than none', { count: -1 }, `${at}.count: Invalid value: -1: must be greater than zero`],
    [
      'in an unknown mode',
      { allocationMode: 'Some' },
      `${at}.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`,
    ],
    ['with an empty selector', { selectors: [{}] }, `${at}.selectors[0].cel: Required value`],
    [
      'with too many selectors',
      selecting(...Array<string>(33).fill('true')),
      `${at}.selectors: Too many: 33: must have at most 32 items`,
    ],
    [
      'with a selector that is too long',
      selecting(`'${'x'.repeat(10 * 1024)}' != device.driver`),
      `${at}.selectors[0].cel.expression: Too long: may not be more than 10240 bytes`,
    ],
    [
      'with a selector that is no condition',
      selecting('device.driver'),
      `${at}.selectors[0].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string`,
    ],
    [
      'with a selector that could cost too much',
      selecting(
        'device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, true))))',
      ),
      `${at}.selectors[0].cel.expression: Forbidden: too complex, exceeds cost limit`,
    ],
    [
      'that tolerates everything with a value',
      { tolerations: [{ operator: 'Exists', value: 'v' }] },
      `${at}.tolerations[0].value: Invalid value: "v": must be empty for operator \`Exists\``,
    ],
    [
      'that tolerates an unknown effect',
      { tolerations: [{ operator: 'Exists', effect: 'Never' }] },
      `${at}.tolerations[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"`,
    ],
  ])('is refused %s', (_what, exactly, problem) => {
    expect(problems(exactly)).toEqual([problem]);
  });

  it('may select by attributes, versions and capacities', () => {
    const expressions = [
      'device.driver == "d.example.com" && device.attributes["d.example.com"].model.startsWith("a")',
      'device.capacity["d.example.com"].memory.compareTo(quantity("10Gi")) >= 0',
      'device.attributes["d.example.com"].version.isGreaterThan(semver("1.2.3"))',
      'device.attributes["d.example.com"].flag',
      'device.allowMultipleAllocations',
      'cel.bind(mine, device.attributes["d.example.com"], mine.a && mine.b)',
    ];
    expect(problems(selecting(...expressions))).toEqual([]);
  });

  it('is refused for a selector with a mistake, which is pointed at', () => {
    const [problem] = problems(selecting('device.colour == "red"'));
    expect(problem).toContain(`${at}.selectors[0].cel.expression: Invalid value: "device.colour == \\"red\\""`);
    expect(problem).toContain("compilation failed: ERROR: <input>:1:7: undefined field 'colour'");
  });

  it('asks in one of two ways', () => {
    const requests = [
      { name: 'none' },
      { name: 'both', exactly: { deviceClassName: 'a' }, firstAvailable: [{ name: 'x', deviceClassName: 'b' }] },
    ];
    expect(createProblems(ResourceClaim, admitted(ResourceClaim, { spec: { devices: { requests } } }))).toEqual([
      'spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
      'spec.devices.requests[1]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
    ]);
  });

  it('has alternatives, each named once, that constraints may name', () => {
    const requests = [
      {
        name: 'r',
        firstAvailable: [
          { name: 'a', deviceClassName: 'x' },
          { name: 'b', deviceClassName: 'y' },
        ],
      },
    ];
    const of = (names: string[], alternatives = requests) =>
      createProblems(
        ResourceClaim,
        admitted(ResourceClaim, {
          spec: {
            devices: {
              requests: alternatives,
              constraints: [{ requests: names, matchAttribute: 'd.example.com/numa' }],
            },
          },
        }),
      );
    expect(of(['r/a', 'r/b'])).toEqual([]);
    expect(of(['r', 'r/c', 'r/a/b'])).toEqual([
      `spec.devices.constraints[0].requests[1]: Invalid value: "r/c": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
      `spec.devices.constraints[0].requests[2]: Invalid value: "r/a/b": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
    ]);
    const twice = [{ name: 'r', firstAvailable: [requests[0]!.firstAvailable[0]!, requests[0]!.firstAvailable[0]!] }];
    expect(of(['r'], twice)).toEqual(['spec.devices.requests[0].firstAvailable[1]: Duplicate value: "a"']);
    const nine = [
      { name: 'r', firstAvailable: Array.from({ length: 9 }, (_, i) => ({ name: `a${i}`, deviceClassName: 'x' })) },
    ];
    expect(of(['r'], nine)).toEqual([
      'spec.devices.requests[0].firstAvailable: Too many: 9: must have at most 8 items',
    ]);
  });

  it.each<[string, object, string[]]>([
    [
      'nothing',
      {},
      [
        'spec.devices.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      ],
    ],
    [
      'an attribute without a domain',
      { matchAttribute: 'numa' },
      [
        'spec.devices.constraints[0].matchAttribute: Invalid value: "numa": a fully qualified name must be a domain and a name separated by a slash',
      ],
    ],
    [
      'an attribute with an empty domain',
      { distinctAttribute: '/numa' },
      ['spec.devices.constraints[0].distinctAttribute: Invalid value: "": the domain must not be empty'],
    ],
    [
      'an attribute with a long name',
      { matchAttribute: `d.example.com/${'n'.repeat(33)}` },
      ['spec.devices.constraints[0].matchAttribute: Too long: may not be more than 32 bytes'],
    ],
  ])('has a constraint on %s, and is refused', (_what, constraint, expected) => {
    expect(problems({}, { constraints: [constraint] })).toEqual(expected);
  });

  it('hands drivers a JSON object of at most 10 KiB', () => {
    const config = (driver: string, parameters: unknown) =>
      problems({}, { config: [{ requests: ['r'], opaque: { driver, parameters } }] });
    const parameters = 'spec.devices.config[0].opaque.parameters';
    expect(config('d.example.com', { a: 1 })).toEqual([]);
    expect(config('d.example.com', { a: 'x'.repeat(10 * 1024) })).toEqual([
      `${parameters}: Too long: may not be more than 10240 bytes`,
    ]);
    expect(config('d.example.com', null)).toEqual([`${parameters}: Required value`]);
    expect(config('d.example.com', [1])).toEqual([
      `${parameters}: Invalid value: "<value omitted>": must be a valid JSON object`,
    ]);
    expect(config(`${'d'.repeat(64)}`, {})[0]).toBe(
      'spec.devices.config[0].opaque.driver: Too long: may not be more than 63 bytes',
    );
    expect(problems({}, { config: [{}] })).toEqual(['spec.devices.config[0].opaque: Required value']);
  });

  it('stays as it is, and what was right once is not looked at again', () => {
    const object = claim({});
    expect(
      updateProblems(ResourceClaim, object, (c) => {
        c.spec.devices.requests![0]!.name = 's';
      })[0],
    ).toMatch(/^spec: Invalid value: .*: field is immutable$/);
    const once = claim(selecting('device.wrong'));
    expect(
      updateProblems(ResourceClaim, once, (c) => {
        c.metadata.labels = { a: 'b' };
      }),
    ).toEqual([]);
  });
});

describe('a ResourceClaim’s status', () => {
  const result = { request: 'r', driver: 'd.example.com', pool: 'p', device: 'gpu-0' };
  const user = { resource: 'pods', name: 'p', uid: 'u' };
  const allocation = { devices: { results: [result] } };
  const withStatus = (status: object, metadata: object = {}) =>
    admitted(ResourceClaim, { spec: devices({}), status, metadata });
  const statusProblems = (status: object, old: object = {}, metadata: object = {}) => {
    const next = withStatus(status, metadata);
    const before = withStatus(old, metadata);
    ResourceClaim.prepareStatusUpdate!(next, before, { now: 0 });
    return ResourceClaim.validateStatusUpdate!(next, before).map(fieldErrorMessage);
  };

  it('is shown', () => {
    expect(cells(ResourceClaim, withStatus({ allocation, reservedFor: [user] })).State).toBe('allocated,reserved');
  });

  it.each<[string, object, object, string[]]>([
    ['an allocation', { allocation }, {}, []],
    ['the same allocation', { allocation, reservedFor: [user] }, { allocation }, []],
    ['an end of the allocation', {}, { allocation }, []],
    [
      'a user without an allocation',
      { reservedFor: [user] },
      {},
      ['status.reservedFor: Forbidden: may not be specified when `allocated` is not set'],
    ],
    ['a user twice', { allocation, reservedFor: [user, user] }, {}, ['status.reservedFor[1]: Duplicate value: "u"']],
    [
      'a user without a name',
      { allocation, reservedFor: [{ resource: 'pods', name: '', uid: 'u' }] },
      {},
      ['status.reservedFor[0].name: Required value'],
    ],
    [
      'too many users',
      { allocation, reservedFor: Array.from({ length: 257 }, (_, i) => ({ ...user, uid: `u${i}` })) },
      {},
      ['status.reservedFor: Too many: 257: must have at most 256 items'],
    ],
    [
      'a result of no request',
      { allocation: { devices: { results: [{ ...result, request: 'other' }] } } },
      {},
      [
        `status.allocation.devices.results[0].request: Invalid value: "other": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
      ],
    ],
    [
      'a configuration from nowhere',
      { allocation: { devices: { config: [{ source: '', opaque: { driver: 'd.example.com', parameters: {} } }] } } },
      {},
      ['status.allocation.devices.config[0].source: Required value'],
    ],
    [
      'a share without a UUID',
      { allocation: { devices: { results: [{ ...result, shareID: 'A7D6C6F4-5B1B-4B3B-8B3B-5B1B4B3B8B3B' }] } } },
      {},
      [
        'status.allocation.devices.results[0].shareID: Invalid value: "A7D6C6F4-5B1B-4B3B-8B3B-5B1B4B3B8B3B": uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters',
      ],
    ],
    [
      'a device that is not the claim’s',
      { allocation, devices: [{ driver: 'd.example.com', pool: 'p', device: 'gpu-1' }] },
      {},
      ['status.devices[0]: Invalid value: "d.example.com/p/gpu-1": must be an allocated device in the claim'],
    ],
    [
      'addresses of a device in other than canonical form',
      {
        allocation,
        devices: [
          {
            driver: 'd.example.com',
            pool: 'p',
            device: 'gpu-0',
            networkData: { ips: ['10.9.8.7/24', '10.9.8.7', '2001:DB8::1/64'] },
          },
        ],
      },
      {},
      [
        'status.devices[0].networkData.ips[1]: Invalid value: "10.9.8.7": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
        'status.devices[0].networkData.ips[2]: Invalid value: "2001:DB8::1/64": must be in canonical form ("2001:db8::1/64")',
      ],
    ],
    [
      'an incomplete condition',
      {
        allocation,
        devices: [
          {
            driver: 'd.example.com',
            pool: 'p',
            device: 'gpu-0',
            conditions: [{ type: 'Ready', status: 'Yes', reason: '', message: '' }],
          },
        ],
      },
      {},
      [
        'status.devices[0].conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
        'status.devices[0].conditions[0].lastTransitionTime: Required value: must be set',
        'status.devices[0].conditions[0].reason: Required value: must be set',
      ],
    ],
  ])('takes or refuses %s', (_what, status, old, expected) => {
    expect(statusProblems(status, old)).toEqual(expected);
  });

  it('keeps its allocation as it is, and takes no new user while it goes', () => {
    const other = { devices: { results: [{ ...result, device: 'gpu-1' }] } };
    expect(statusProblems({ allocation: other }, { allocation })[0]).toMatch(
      /^status\.allocation: Invalid value: .*: field is immutable$/,
    );
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(statusProblems({ allocation, reservedFor: [user] }, { allocation }, going)).toEqual([
      'status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
    ]);
    expect(statusProblems({ allocation, reservedFor: [user] }, { allocation, reservedFor: [user] }, going)).toEqual([]);
  });

  it('forgets what drivers said of devices that were given back', () => {
    const reported = [{ driver: 'd.example.com', pool: 'p', device: 'gpu-0' }];
    const next = withStatus({ devices: reported });
    ResourceClaim.prepareStatusUpdate!(next, withStatus({ allocation, devices: reported }), { now: 0 });
    expect(next.status).toEqual({});
  });
});

describe('ResourceClaimTemplate', () => {
  it('is checked as what it makes, and stays as it is', () => {
    const template = (exactly: Exactly) =>
      admitted(ResourceClaimTemplate, { spec: { metadata: { labels: { a: 'b' } }, spec: devices(exactly) } });
    expect(createProblems(ResourceClaimTemplate, template({}))).toEqual([]);
    expect(createProblems(ResourceClaimTemplate, template({ deviceClassName: '' }))).toEqual([
      'spec.spec.devices.requests[0].exactly.deviceClassName: Required value',
    ]);
    const change = (t: ResourceClaimTemplate) => {
      t.spec.metadata.labels = { 'a b': 'c' };
    };
    expect(updateProblems(ResourceClaimTemplate, template({}), change)[0]).toMatch(/^spec: .*: field is immutable$/);
  });
});

describe('DeviceClass', () => {
  const deviceClass = (spec: object) => admitted(DeviceClass, { spec });

  it('selects by expressions that compile', () => {
    expect(createProblems(DeviceClass, deviceClass(selecting('device.driver == "d.example.com"')))).toEqual([]);
    expect(createProblems(DeviceClass, deviceClass(selecting('1 +')))[0]).toContain(
      'spec.selectors[0].cel.expression: Invalid value: "1 +": compilation failed: ERROR: <input>:1:4: Syntax error:',
    );
  });

  it('keeps a selector that a newer server had taken, until its selectors change', () => {
    const old = deviceClass(selecting('device.fromTheFuture'));
    expect(
      updateProblems(DeviceClass, old, (c) => {
        c.metadata.labels = { a: 'b' };
      }),
    ).toEqual([]);
    expect(
      updateProblems(DeviceClass, old, (c) => void c.spec.selectors!.push({ cel: { expression: 'true' } })),
    ).toHaveLength(1);
  });

  it('may stand for an extended resource', () => {
    expect(createProblems(DeviceClass, deviceClass({ extendedResourceName: 'example.com/gpu' }))).toEqual([]);
    expect(createProblems(DeviceClass, deviceClass({ extendedResourceName: 'cpu' }))).toEqual([
      'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
    ]);
  });
});
