/** What a CustomResourceDefinition may say of names, versions and conversion, rule by rule as upstream, and what an update may keep. */
import { describe, expect, it } from 'vitest';
import { createAuthority } from '../../src/base/pki.ts';
import { changed, messages, object, text, widgets, withSchema } from './custom-checks.ts';
import { type Definition, definition, type Json, version } from './custom-world.ts';

it('takes a definition that is right', () => {
  expect(messages(widgets())).toEqual([]);
});

describe('names and versions', () => {
  it.each<[string, (body: Definition) => void, string[]]>([
    [
      'another name',
      (body) => {
        body.metadata.name = 'other.example.com';
      },
      ['metadata.name: Invalid value: "other.example.com": must be spec.names.plural+"."+spec.group'],
    ],
    [
      'a group without a dot',
      (body) => {
        body.spec.group = 'example';
        body.metadata.name = 'widgets.example';
      },
      ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
    ],
    [
      'no scope',
      (body) => {
        body.spec.scope = '';
      },
      ['spec.scope: Required value'],
    ],
    [
      'another scope',
      (body) => {
        body.spec.scope = 'Global';
      },
      ['spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"'],
    ],
    [
      'a list kind that is the kind',
      (body) => {
        body.spec.names['listKind'] = 'Widget';
      },
      ['spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same'],
    ],
    [
      'two versions of a name',
      (body) => {
        body.spec.versions.push({ ...body.spec.versions[0]!, storage: false });
      },
      ['spec.versions: Invalid value: ["v1","v1"]: must contain unique version names'],
    ],
    [
      'no storage version',
      (body) => {
        body.spec.versions[0]!.storage = false;
      },
      [
        'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version',
        'status.storedVersions: Invalid value: []: must have at least one stored version',
      ],
    ],
    [
      'no schema',
      (body) => {
        delete (body.spec.versions[0] as Partial<Definition['spec']['versions'][number]>).schema;
      },
      ['spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required'],
    ],
    [
      'a warning without deprecation',
      (body) => {
        body.spec.versions[0]!['deprecationWarning'] = 'old';
      },
      ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
    ],
    [
      'an empty warning',
      (body) => {
        Object.assign(body.spec.versions[0]!, { deprecated: true, deprecationWarning: '' });
      },
      ['spec.versions[0].deprecationWarning: Invalid value: "": must not be an empty string'],
    ],
    [
      'a long warning',
      (body) => {
        Object.assign(body.spec.versions[0]!, { deprecated: true, deprecationWarning: 'x'.repeat(257) });
      },
      [`spec.versions[0].deprecationWarning: Invalid value: "${'x'.repeat(257)}": must be <= 256 characters long`],
    ],
    [
      'a warning of several lines',
      (body) => {
        Object.assign(body.spec.versions[0]!, { deprecated: true, deprecationWarning: 'é\nb' });
      },
      [
        'spec.versions[0].deprecationWarning: Invalid value: "é\\nb": must only contain printable UTF-8 characters; non-printable character found at index 2',
      ],
    ],
    [
      'fields that are not known being kept everywhere',
      (body) => {
        body.spec['preserveUnknownFields'] = true;
      },
      [
        'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ],
    ],
  ])('refuse %s', (_, spoil, expected) => {
    const body = widgets();
    spoil(body);
    expect(messages(body)).toEqual(expected);
  });

  it.each<[string, (body: Definition) => void, string[]]>([
    [
      'the kind',
      (body) => {
        body.spec.names.kind = 'Gadget';
      },
      ['spec.names.kind: Invalid value: "Gadget": field is immutable'],
    ],
    [
      'the scope',
      (body) => {
        body.spec.scope = 'Cluster';
      },
      ['spec.scope: Invalid value: "Cluster": field is immutable'],
    ],
  ])('keep %s once established', (_, change, expected) => {
    expect(changed(widgets(), change)).toEqual(expected);
    expect(changed(widgets(), change, { conditions: [] })).toEqual([]);
  });

  it('stay while objects may be stored in them', () => {
    const two = definition('widgets', [
      version('v1', object({})),
      version('v2', object({ a: text }), { storage: false }),
    ]);
    const next = (body: Definition) => {
      body.spec.versions = [version('v2', object({ a: text }))];
    };
    expect(changed(two, next)).toEqual([
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ]);
    expect(changed(two, next, { storedVersions: ['v2'] })).toEqual([]);
  });
});

describe('protected groups', () => {
  const path = 'metadata.annotations[api-approved.kubernetes.io]';
  const protectedOne = (approval?: string) => {
    const body = widgets();
    body.spec.group = 'x.k8s.io';
    body.metadata = {
      name: 'widgets.x.k8s.io',
      ...(approval === undefined ? {} : { annotations: { 'api-approved.kubernetes.io': approval } }),
    };
    return body;
  };
  it.each([
    [undefined, `${path}: Required value: protected groups must have approval annotation "api-approved.kubernetes.io"`],
    [
      'yes',
      `${path}: Invalid value: "yes": protected groups must have approval annotation "api-approved.kubernetes.io"`,
    ],
  ])('refuse the approval %j', (approval, message) => {
    expect(messages(protectedOne(approval))).toEqual([expect.stringContaining(message)]);
  });
  it.each(['https://github.com/kubernetes/kubernetes/pull/1', 'unapproved, an experiment'])('take %j', (approval) => {
    expect(messages(protectedOne(approval))).toEqual([]);
  });
  it('let a definition go on that had none', () => {
    expect(changed(protectedOne(), (body) => Object.assign(body.spec.names, { categories: ['all'] }))).toEqual([]);
  });
});

describe('beside the schema', () => {
  const spec = object({
    a: text,
    n: { type: 'integer' },
    o: { type: 'object' },
    l: { type: 'array', items: text },
    ...Object.fromEntries([...Array(9).keys()].map((i) => [`f${i}`, text])),
  });
  const fields = (...paths: string[]) => widgets(spec, { selectableFields: paths.map((jsonPath) => ({ jsonPath })) });
  it.each<[string, string[], string[]]>([
    ['nothing', [''], ['[0].jsonPath: Required value']],
    [
      'no field',
      ['.spec.nope'],
      ['[0].jsonPath: Invalid value: ".spec.nope": is an invalid path: does not refer to a valid field'],
    ],
    [
      'no path',
      ['spec.a'],
      ['[0].jsonPath: Invalid value: "spec.a": is an invalid path: expected [ or . but got: spec'],
    ],
    [
      'an element',
      ['.spec.l[0]'],
      ['[0].jsonPath: Invalid value: ".spec.l[0]": is an invalid path: array notation is not allowed'],
    ],
    [
      'an object',
      ['.spec.o'],
      [
        '[0].jsonPath: Invalid value: ".spec.o": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
    ['a field twice', ['.spec.a', '.spec.a'], ['[1].jsonPath: Duplicate value: ".spec.a"']],
    ['nine fields', [...Array(9).keys()].map((i) => `.spec.f${i}`), [': Too many: 9: must have at most 8 items']],
  ])('selectable fields are refused for %s', (_, paths, expected) => {
    expect(messages(fields(...paths))).toEqual(expected.map((message) => `spec.selectableFields${message}`));
  });

  it('selectable fields are refused in metadata', () => {
    const schema = object({ metadata: object({ name: text }) });
    expect(messages(withSchema(schema, { selectableFields: [{ jsonPath: '.metadata.name' }] }))).toEqual([
      'spec.selectableFields[0].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata',
    ]);
  });

  it.each<[Json, string[]]>([
    [
      {},
      [
        '.name: Required value',
        '.type: Required value: must be one of boolean,date,integer,number,string',
        '.JSONPath: Required value',
      ],
    ],
    [
      { name: 'a', type: 'text', format: 'x', jsonPath: 'spec.a' },
      [
        '.type: Invalid value: "text": must be one of boolean,date,integer,number,string',
        '.format: Invalid value: "x": must be one of byte,date,date-time,double,float,int32,int64,password',
        '.JSONPath: Invalid value: "spec.a": must be a simple json path starting with .',
      ],
    ],
  ])('the column %j is refused', (column, expected) => {
    expect(messages(widgets(spec, { additionalPrinterColumns: [column] }))).toEqual(
      expected.map((message) => `spec.additionalPrinterColumns[0]${message}`),
    );
  });

  it.each<[Json, string[]]>([
    [{}, ['.specReplicasPath: Required value', '.statusReplicasPath: Required value']],
    [
      { specReplicasPath: '.status.n', statusReplicasPath: '.spec.n', labelSelectorPath: '.metadata.labels' },
      [
        '.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec',
        '.statusReplicasPath: Invalid value: ".spec.n": should be a json path under .status',
        '.labelSelectorPath: Invalid value: ".metadata.labels": should be a json path under either .spec or .status',
      ],
    ],
    [
      { specReplicasPath: 'spec.n', statusReplicasPath: '.status.n', labelSelectorPath: 'x' },
      [
        '.specReplicasPath: Invalid value: "spec.n": must be a simple json path starting with .',
        '.labelSelectorPath: Invalid value: "x": must be a simple json path starting with .',
      ],
    ],
  ])('the scale %j is refused', (scale, expected) => {
    expect(messages(widgets(spec, { subresources: { scale } }))).toEqual(
      expected.map((message) => `spec.subresources.scale${message}`),
    );
  });

  it('what versions do not share is named by version', () => {
    const body = definition('widgets', [
      version('v1', spec, { additionalPrinterColumns: [{ name: 'a', type: 'string', jsonPath: 'x' }] }),
      version('v2', spec, { storage: false }),
    ]);
    expect(messages(body)).toEqual([
      'spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: "x": must be a simple json path starting with .',
    ]);
  });
});

describe('conversion', () => {
  const url = 'https://hook.example.com/convert';
  const pem = Buffer.from(createAuthority('ca', 0).cert).toString('base64');
  const hook = (webhook: Json) => ({ strategy: 'Webhook', webhook });
  const converted = (conversion: Json) => definition('widgets', [version('v1', object({}))], { conversion });
  it.each<[string, Json, string[]]>([
    [
      'another strategy',
      { strategy: 'Magic' },
      ['.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"'],
    ],
    [
      'a webhook that is not asked',
      { strategy: 'None', webhook: { clientConfig: { url }, conversionReviewVersions: ['v1'] } },
      [
        '.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook',
        '.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
      ],
    ],
    [
      'no webhook',
      { strategy: 'Webhook' },
      [
        '.webhookClientConfig: Required value: required when strategy is set to Webhook',
        '.conversionReviewVersions: Required value',
      ],
    ],
    [
      'neither URL nor service',
      hook({ clientConfig: {}, conversionReviewVersions: ['v1'] }),
      ['.webhookClientConfig: Required value: exactly one of url or service is required'],
    ],
    [
      'reviews that this server does not know',
      hook({ clientConfig: { url }, conversionReviewVersions: ['v2'] }),
      ['.conversionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1'],
    ],
    [
      'a review twice',
      hook({ clientConfig: { url }, conversionReviewVersions: ['v1', 'v1'] }),
      ['.conversionReviewVersions[1]: Invalid value: "v1": duplicate version'],
    ],
  ])('is refused for %s', (_, conversion, expected) => {
    expect(messages(converted(conversion))).toEqual(expected.map((message) => `spec.conversion${message}`));
  });

  it('may have certificates that cannot be read only before it is in use, or as it was', () => {
    const withBundle = (caBundle: string) =>
      hook({ clientConfig: { url, caBundle }, conversionReviewVersions: ['v1'] });
    const [broken, sound] = [withBundle('Y2E='), withBundle(pem)];
    expect(messages(converted(broken))).toEqual([]);
    const to = (conversion: Json) => (body: Definition) => {
      body.spec.conversion = conversion;
    };
    expect(changed(converted(sound), to(broken))).toEqual([
      expect.stringContaining(
        'spec.conversion.webhookClientConfig.caBundle: Invalid value: "Y2E=": unable to load root certificates: ',
      ),
    ]);
    expect(changed(converted(broken), to(withBundle('Y2I=')))).toEqual([]);
    expect(changed(converted(sound), to(broken), { conditions: [] })).toEqual([]);
    expect(changed(converted(broken), to(sound))).toEqual([]);
  });

  it('may go on asking for reviews that nobody knows any more', () => {
    const old = converted(hook({ clientConfig: { url }, conversionReviewVersions: ['v0'] }));
    expect(changed(old, (body) => Object.assign(body.spec.names, { categories: ['all'] }))).toEqual([]);
  });
});
