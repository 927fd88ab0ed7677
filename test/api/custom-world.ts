/** A server with custom resources, for the tests that are named after them. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, vi } from 'vitest';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { type HttpAnswer, startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import { createAuthority, issueCertificate } from '../../src/base/pki.ts';

export type Json = Record<string, unknown>;

export const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export interface CustomWorld extends AsyncDisposable {
  readonly server: TestServer;
  readonly http: TestServer['http'];
  /** Creates a definition and waits until its versions are served. */
  define(body: Definition): Promise<void>;
  /** Changes a stored definition and waits until the change is in force. */
  redefine(name: string, change: (body: Definition) => void): Promise<HttpAnswer>;
  patch(path: string, body: unknown): Promise<HttpAnswer>;
  apply(path: string, body: Json, options?: { manager?: string; force?: boolean }): Promise<HttpAnswer>;
}

export interface Version extends Json {
  name: string;
  served: boolean;
  storage: boolean;
  schema: { openAPIV3Schema: Json };
}

export interface Definition extends Json {
  metadata: { name: string; annotations?: Record<string, string> };
  spec: {
    group: string;
    scope: string;
    names: { plural: string; kind: string; [more: string]: unknown };
    versions: Version[];
    conversion?: Json;
    [more: string]: unknown;
  };
}

/** A version whose spec has a schema; `more` goes beside it. */
export function version(name: string, spec: Json, more: Json = {}): Version {
  const status = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    name,
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
    ...more,
  };
}

/** The definition of a kind in example.com: `Widget` for `widgets`. */
export function definition(plural: string, versions: Version[], more: Json = {}): Definition {
  const kind = plural[0]!.toUpperCase() + plural.slice(1, -1);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural, kind }, versions, ...more },
  };
}

/** `/apis/example.com/v1/namespaces/default/widgets/a`. */
export const pathOf = (plural: string, name = '', apiVersion = 'v1') =>
  `/apis/example.com/${apiVersion}/namespaces/default/${plural}${name && `/${name}`}`;

export async function startCustomWorld(): Promise<CustomWorld> {
  const server = await startTestServer();
  const { http } = server;

  /** Tests' own time-outs are the limit: what is waited for comes at once. */
  const until = (condition: () => boolean | Promise<boolean>) =>
    vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: 60_000, interval: 5 });
  const settled = (name: string) =>
    until(async () => {
      const found = await server.client.find(CustomResourceDefinition, { name });
      const up = found?.status.conditions?.some((c) => c.type === 'Established' && c.status === 'True') ?? false;
      const { group, names, versions } = found!.spec;
      const served = (each: { name: string; served: boolean }) =>
        Boolean(server.server.kinds.resolve(group, each.name, names.plural)) === each.served;
      return up && versions.every(served);
    });

  return {
    server,
    http,
    async define(body) {
      const { status, json } = await http('POST', crds, { body });
      expect(json.message ?? status).toBe(201);
      await settled(body.metadata.name);
    },
    async redefine(name, change) {
      const body = (await http('GET', `${crds}/${name}`)).json as Definition;
      const { generation } = server.server.kinds;
      change(body);
      const answer = await http('PUT', `${crds}/${name}`, { body });
      if (answer.status !== 200) return answer;
      await until(() => server.server.kinds.generation > generation);
      await settled(name);
      return answer;
    },
    patch: (path, body) => http('PATCH', path, { body, type: 'application/merge-patch+json' }),
    apply: (path, body, { manager = 'tester', force = false } = {}) =>
      http('PATCH', `${path}?fieldManager=${manager}&force=${force}`, { body, type: 'application/apply-patch+yaml' }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

interface Review {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: Json[] };
}

export interface ConversionHook extends AsyncDisposable {
  /** For `spec.conversion` of a definition. */
  readonly conversion: Json;
  readonly reviews: Review[];
  /** Makes an object of another version; set by the test. */
  convert: (object: Json, apiVersion: string) => Json;
  /** Spoils the answer; set by the test. */
  answer: (review: Review, converted: Json[]) => unknown;
}

const faithful = ({ apiVersion, kind, request }: Review, convertedObjects: Json[]) => ({
  apiVersion,
  kind,
  response: { uid: request.uid, result: { status: 'Success' }, convertedObjects },
});

/** A conversion webhook on HTTPS that changes nothing but the version, until the test says otherwise. */
export async function startConversionHook(reviewVersions = ['v1']): Promise<ConversionHook> {
  const now = Date.now();
  const ca = createAuthority('conversion-ca', now);
  const { cert, key } = issueCertificate(ca, {
    subject: { commonName: 'hook' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    notBefore: now - 60_000,
    notAfter: now + 3_600_000,
  });
  const server: Server = createServer({ cert, key }, async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
    hook.reviews.push(review);
    const { objects, desiredAPIVersion } = review.request;
    const converted = objects.map((object) => hook.convert(object, desiredAPIVersion));
    outgoing.end(JSON.stringify(hook.answer(review, converted)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/convert`;
  const hook: ConversionHook = {
    conversion: {
      strategy: 'Webhook',
      webhook: {
        clientConfig: { url, caBundle: Buffer.from(ca.cert).toString('base64') },
        conversionReviewVersions: reviewVersions,
      },
    },
    reviews: [],
    convert: (object, apiVersion) => ({ ...object, apiVersion }),
    answer: faithful,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return hook;
}

/** The hook's own answer, for tests that spoil a part of it. */
export const faithfulAnswer = faithful;
