import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems } from '../admitted.ts';
import { FlowSchema } from './flow-schema.ts';
import { mandatoryFlowSchemas, mandatoryPriorityLevels } from './mandatory-objects.ts';
import { PriorityLevelConfiguration } from './priority-level-configuration.ts';

describe('FlowSchema', () => {
  const rules = [
    { subjects: [{ kind: 'User', user: { name: '*' } }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] },
  ];
  const schema = (more: object = {}) =>
    admitted(FlowSchema, { spec: { priorityLevelConfiguration: { name: 'l' }, rules, ...more } });

  it('has precedence 1000 by default', () => {
    expect(schema().spec.matchingPrecedence).toBe(1000);
    expect(createProblems(FlowSchema, schema())).toEqual([]);
    expect(cells(FlowSchema, schema())).toMatchObject({
      PriorityLevel: 'l',
      DistinguisherMethod: '<none>',
      MissingPL: '?',
    });
  });

  it.each<[string, object, string[]]>([
    [
      'no level',
      { priorityLevelConfiguration: { name: '' } },
      ['spec.priorityLevelConfiguration.name: Required value: must reference a priority level'],
    ],
    [
      'first of all',
      { matchingPrecedence: 1 },
      ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
    ],
    [
      'rules about nothing',
      { rules: [{ subjects: rules[0]!.subjects }] },
      ['spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty'],
    ],
    [
      'subject of another kind',
      { rules: [{ ...rules[0], subjects: [{ kind: 'Group', user: { name: 'u' } }] }] },
      [
        "spec.rules[0].subjects[0].group: Required value: group is required when subject kind is 'Group'",
        "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'",
      ],
    ],
  ])('%s', (_, more, problems) => {
    expect(createProblems(FlowSchema, schema(more))).toEqual(problems);
  });
});

describe('PriorityLevelConfiguration', () => {
  const level = (spec: object) => admitted(PriorityLevelConfiguration, { spec });
  const queuing = { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: {} } } };

  it('has defaults', () => {
    expect(level(queuing).spec.limited).toEqual({
      nominalConcurrencyShares: 30,
      lendablePercent: 0,
      limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
    });
    expect(createProblems(PriorityLevelConfiguration, level(queuing))).toEqual([]);
    expect(cells(PriorityLevelConfiguration, level(queuing))).toMatchObject({
      Type: 'Limited',
      NominalConcurrencyShares: 30,
      Queues: 64,
    });
  });

  it('deals hands that the deck allows', () => {
    const limited = { limitResponse: { type: 'Queue', queuing: { queues: 4, handSize: 5 } } };
    expect(createProblems(PriorityLevelConfiguration, level({ type: 'Limited', limited }))).toEqual([
      'spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues (4)',
    ]);
  });
});

describe('what every server has', () => {
  it('is right as it is, and stays', () => {
    for (const [name, spec] of Object.entries(mandatoryFlowSchemas)) {
      const schema = admitted(FlowSchema, { metadata: { name }, spec });
      expect(createProblems(FlowSchema, schema)).toEqual([]);
      schema.spec.rules = [];
      expect(createProblems(FlowSchema, schema)[0]).toContain(`spec of '${name}' must equal the fixed value`);
    }
    for (const [name, spec] of Object.entries(mandatoryPriorityLevels)) {
      expect(
        createProblems(PriorityLevelConfiguration, admitted(PriorityLevelConfiguration, { metadata: { name }, spec })),
      ).toEqual([]);
    }
  });

  it('may lend more of the exempt level', () => {
    const level = (name: string, spec: object) =>
      createProblems(PriorityLevelConfiguration, admitted(PriorityLevelConfiguration, { metadata: { name }, spec }));
    expect(level('exempt', { type: 'Exempt', exempt: { lendablePercent: 50 } })).toEqual([]);
    const limited = { nominalConcurrencyShares: 6, limitResponse: { type: 'Reject' } };
    expect(level('catch-all', { type: 'Limited', limited })[0]).toContain(
      "spec of 'catch-all' must equal the fixed value",
    );
  });
});
