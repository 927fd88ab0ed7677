import grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { openEtcdStore } from './etcd.ts';
import { statusMethod } from './etcd-messages.ts';

let server: grpc.Server | undefined;
afterEach(() => server?.forceShutdown());

/** A gRPC server that says of itself what a member of etcd would, or knows no such method. */
async function listen(version?: string): Promise<string> {
  server = new grpc.Server();
  const raw = {
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  };
  if (version !== undefined) {
    // StatusResponse: a header with cluster_id 1, and the version.
    const status = Buffer.concat([Buffer.of(0x0a, 2, 0x08, 1), Buffer.of(0x12, version.length), Buffer.from(version)]);
    server.addService(
      { status: { path: statusMethod.path, ...raw } },
      { status: (_call: unknown, reply: (error: null, answer: Buffer) => void) => reply(null, status) },
    );
  }
  const port = await new Promise<number>((resolve, reject) =>
    server!.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return `http://127.0.0.1:${port}`;
}

describe('an etcd store', () => {
  it.each(['3.3.27', '2.3.8', '4.0.0', 'unknown'])(
    'refuses etcd of version %s, and says which it needs',
    async (version) => {
      const endpoint = await listen(version);
      await expect(openEtcdStore({ endpoints: [endpoint] })).rejects.toMatchObject({
        code: 'unavailable',
        message: `etcd at ${endpoint} is version ${version}; 3.4 or a newer 3.x is needed`,
      });
    },
  );

  it('refuses a server that speaks gRPC and is no etcd', async () => {
    const endpoint = await listen();
    await expect(openEtcdStore({ endpoints: [endpoint] })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`${endpoint} is no etcd with the v3 API`),
    });
  });
});
