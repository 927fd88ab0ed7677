/** Whole numbers that a double cannot hold come back from every verb and in every format as they were sent. */
import { Agent, get } from 'node:https';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import { ConfigMap } from '../../api/core/config-map.ts';
import { createJsonCodec } from '../../store/json-codec.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

const big = '9007199254740993';
const bigger = '9223372036854775807';
const jobs = '/apis/batch/v1/namespaces/default/jobs';
const things = '/apis/example.com/v1/namespaces/default/things';
const protobuf = 'application/vnd.kubernetes.protobuf';
let running: TestServer;

const job = (name: string, seconds: string) =>
  `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"${name}"},"spec":{"activeDeadlineSeconds":${seconds},` +
  `"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}`;
const thing = (name: string, count: string, more = '') =>
  `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"${name}"},"spec":{"count":${count}${more}}}`;
const text = async (...args: Parameters<TestServer['http']>) => (await running.http(...args)).text;
const seconds = (answer: string) => /"activeDeadlineSeconds":\s*(-?[\d.e+]+)/.exec(answer)?.[1];
const count = (answer: string) => /"count":\s*(-?[\d.e+]+)/.exec(answer)?.[1];

beforeAll(async () => {
  running = await startTestServer();
  await running.client.create(CustomResourceDefinition, {
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          additionalPrinterColumns: [{ name: 'Count', type: 'integer', jsonPath: '.spec.count' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  'x-kubernetes-preserve-unknown-fields': true,
                  'x-kubernetes-validations': [{ rule: `self.count != ${big}0`, message: 'not that one' }],
                  properties: { count: { type: 'integer', format: 'int64', minimum: 1 } },
                },
              },
            },
          },
        },
      ],
    },
  } as never);
  await vi.waitFor(async () => expect((await running.http('GET', things)).status).toBe(200), { timeout: 60_000 });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('built-in kinds', () => {
  it('are created, read, listed and watched', async () => {
    expect(seconds(await text('POST', jobs, { body: job('a', big) }))).toBe(big);
    expect(seconds(await text('GET', `${jobs}/a`))).toBe(big);
    expect(seconds(await text('GET', jobs))).toBe(big);
    expect(seconds(await text('GET', `${jobs}?pretty=true`))).toBe(big);
    expect(seconds(await text('GET', `${jobs}?watch=1&timeoutSeconds=1`))).toBe(big);
    expect(await text('GET', `${jobs}/a`, { headers: { accept: 'application/yaml' } })).toContain(
      `activeDeadlineSeconds: ${big}\n`,
    );
  });

  it('come as YAML', async () => {
    const yaml = `apiVersion: batch/v1\nkind: Job\nmetadata: {name: written}\nspec:\n  activeDeadlineSeconds: ${bigger}\n  template:\n    spec: {restartPolicy: Never, containers: [{name: c, image: i}]}\n`;
    expect(seconds(await text('POST', jobs, { body: yaml, type: 'application/yaml' }))).toBe(bigger);
  });

  it('come and go as protobuf', async () => {
    await running.http('POST', jobs, { body: job('r', bigger) });
    const put = await text('PUT', `${jobs}/r`, { body: await readProtobuf(`${jobs}/r`), type: protobuf });
    expect(seconds(put)).toBe(bigger);
  });

  it('are updated and patched', async () => {
    await running.http('POST', jobs, { body: job('u', '5') });
    const send = (body: string, type: string, query = '') =>
      running.http('PATCH', `${jobs}/u${query}`, { body, type: `application/${type}` });
    const merged = await send(`{"spec":{"activeDeadlineSeconds":${big}}}`, 'merge-patch+json');
    expect(seconds(merged.text)).toBe(big);
    expect(
      seconds((await send(`{"spec":{"activeDeadlineSeconds":${bigger}}}`, 'strategic-merge-patch+json')).text),
    ).toBe(bigger);
    const path = '/spec/activeDeadlineSeconds';
    const operations = (expected: string) =>
      `[{"op":"test","path":"${path}","value":${expected}},{"op":"replace","path":"${path}","value":${big}}]`;
    expect((await send(operations(String(2n ** 63n - 2n)), 'json-patch+json')).status).toBe(422);
    expect(seconds((await send(operations(bigger), 'json-patch+json')).text)).toBe(big);
    const applied = `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"u"},"spec":{"activeDeadlineSeconds":${bigger}}}`;
    const conflict = await send(applied, 'apply-patch+yaml', '?fieldManager=other');
    expect(conflict.status).toBe(409);
    const forced = await send(applied, 'apply-patch+yaml', '?fieldManager=other&force=true');
    expect(seconds(forced.text)).toBe(bigger);
    const { resourceVersion } = forced.json.metadata;
    const same = await send(applied, 'apply-patch+yaml', '?fieldManager=other');
    expect(same.json.metadata.resourceVersion).toBe(resourceVersion);
    const current = await text('GET', `${jobs}/u`);
    const put = await text('PUT', `${jobs}/u`, { body: current.replace(bigger, big) });
    expect(seconds(put)).toBe(big);
  });

  it('refuse what Go refuses', async () => {
    for (const number of ['9223372036854775808', '-9223372036854775809', '1.5']) {
      const { status, json } = await running.http('POST', jobs, { body: job('x', number) });
      expect(status).toBe(400);
      expect(json.message).toContain('of type int64');
    }
    const small = await running.http('POST', jobs, {
      body: job('x', '1').replace('"spec":{', `"spec":{"parallelism":${big},`),
    });
    expect(small.json.message).toContain(
      `cannot unmarshal number ${big} into Go struct field JobSpec.spec.parallelism of type int32`,
    );
  });

  it('are deleted with a grace beyond any calendar', async () => {
    await running.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' } });
    const body = `{"gracePeriodSeconds":${bigger}}`;
    expect((await running.http('DELETE', '/api/v1/namespaces/default/configmaps/c', { body })).status).toBe(200);
    const pods = '/api/v1/namespaces/default/pods';
    await running.http('POST', pods, {
      body: {
        metadata: { name: 'p' },
        spec: { nodeName: 'n', terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'i' }] },
      },
    });
    const deleted = await running.http('DELETE', `${pods}/p`, { body });
    expect(deleted.status).toBe(200);
    expect(deleted.json.metadata.deletionTimestamp).toBe('9999-12-31T23:59:59Z');
  });
});

describe('custom resources', () => {
  it('keep them through every write, also where no schema looks', async () => {
    const created = await text('POST', things, { body: thing('a', big, `,"free":[${bigger},{"x":-${big}}]`) });
    expect(count(created)).toBe(big);
    expect(created).toContain(`"free":[${bigger},{"x":-${big}}]`);
    const send = (body: string, type: string, query = '') =>
      text('PATCH', `${things}/a${query}`, { body, type: `application/${type}` });
    expect(count(await send(`{"spec":{"count":${bigger}}}`, 'merge-patch+json'))).toBe(bigger);
    expect(count(await send(`[{"op":"add","path":"/spec/count","value":${big}}]`, 'json-patch+json'))).toBe(big);
    const applied = thing('a', bigger);
    expect(count(await send(applied, 'apply-patch+yaml', '?fieldManager=m&force=true'))).toBe(bigger);
    expect(count(await send(`{"metadata":{"labels":{"a":"b"}}}`, 'merge-patch+json'))).toBe(bigger);
    expect(await text('GET', things)).toContain(`"free":[${bigger},{"x":-${big}}]`);
  });

  it('have what lies beyond int64 as a float, as upstream', async () => {
    const created = await text('POST', things, { body: thing('f', '1', ',"free":18446744073709551616') });
    expect(created).toContain('"free":18446744073709552000');
  });

  it('are validated with them', async () => {
    const low = await running.http('POST', things, { body: thing('low', `-${big}`) });
    expect(low.json.message).toContain('should be greater than or equal to 1');
    const rule = await running.http('POST', things, { body: thing('rule', `${big}0`) });
    expect(rule.json.message).toContain('not that one');
    const table = await text('GET', `${things}/a`, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(table).toContain('"kind":"Table"');
  });
});

it('are what the store reads again', () => {
  const codec = createJsonCodec<{ metadata: object; a: bigint }>();
  const object = { metadata: { name: 'x' }, a: 2n ** 62n };
  expect(codec.decode(codec.encode(object, 'k'), 7, 'k')).toEqual({
    metadata: { name: 'x', resourceVersion: '7' },
    a: 2n ** 62n,
  });
});

/** The bytes of an object in protobuf. */
function readProtobuf(path: string): Promise<Buffer> {
  const { url, ca, cert, key } = running.access;
  return new Promise((resolve, reject) => {
    get(url + path, { agent: new Agent({ ca, cert, key }), headers: { accept: protobuf } }, (res) => {
      res.toArray().then((chunks) => resolve(Buffer.concat(chunks as Buffer[])), reject);
    }).on('error', reject);
  });
}
