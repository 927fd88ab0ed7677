/** What the rules of custom resources may cost when they run: each for itself, and all of an object together. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CustomWorld, definition, type Json, pathOf, startCustomWorld, version } from './custom-world.ts';

let world: CustomWorld;
beforeAll(async () => {
  world = await startCustomWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const ended = 'no further validation rules will be run';

/** What a list of numbers is refused for, by rules that the estimate takes. */
async function refusal(plural: string, length: number, rules: Json[]): Promise<string[]> {
  const list = { type: 'array', maxItems: length, items: { type: 'integer' }, 'x-kubernetes-validations': rules };
  await world.define(definition(plural, [version('v1', { type: 'object', properties: { list } })]));
  const spec = { list: Array.from({ length }, (_, i) => i) };
  const { json } = await world.http('POST', pathOf(plural), { body: { metadata: { name: 'a' }, spec } });
  return json.details.causes.map((cause: { field: string; message: string }) => `${cause.field}: ${cause.message}`);
}

it('ends with the first rule that costs too much for itself', async () => {
  const rule = 'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))';
  const never = { rule: 'false' };
  expect(await refusal('dears', 100, [{ rule }, never])).toEqual([
    `spec.list: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': ${ended} due to call cost exceeds limit for rule: ${rule}`,
  ]);
});

it('ends with the rule that uses up what all may cost together', async () => {
  const rule = 'self.all(a, self.all(b, a + b >= 0))';
  const rules = Array.from({ length: 60 }, () => ({ rule }));
  expect(await refusal('manys', 300, [...rules, { rule: 'false' }])).toEqual([
    `spec.list: Invalid value: "array": validation failed due to running out of cost budget, ${ended}`,
  ]);
});

it('has no message that costs too much', async () => {
  const messageExpression = "self.all(a, self.all(b, self.all(c, a + b + c >= 0))) ? 'a' : 'b'";
  expect(await refusal('messages', 100, [{ rule: 'false', messageExpression }])).toEqual([
    `spec.list: Invalid value: "array": ${ended} due to call cost exceeds limit for messageExpression: ${JSON.stringify(messageExpression)}`,
  ]);
});
