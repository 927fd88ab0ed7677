import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Probe } from '../../api/types/core-v1.ts';
import { CriError, type CriRuntime } from '../../cri/runtime.ts';
import { type ProbeTarget, runProbe } from './probe-run.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A second, the default, is too short for a slow machine. */
const patient = { timeoutSeconds: 30 };

const target = (more: Partial<ProbeTarget> = {}): ProbeTarget => ({
  pod: {} as never,
  container: { name: 'main', ports: [] } as never,
  containerId: 'c',
  podIp: '127.0.0.1',
  runtime: {} as CriRuntime,
  ...more,
});

async function listen(server: http.Server | net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    (server as http.Server).closeAllConnections?.();
  });
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('HTTP probes', () => {
  const ask = async (handler: http.RequestListener, action: object = {}, more: Partial<Probe> = {}) => {
    const port = await listen(http.createServer(handler));
    return runProbe({ httpGet: { port, ...action }, ...patient, ...more } as Probe, target());
  };

  it('succeed from 200 to 399, and say the status otherwise', async () => {
    for (const [status, ok] of [
      [200, true],
      [204, true],
      [304, true],
      [404, false],
      [500, false],
    ] as const) {
      const answer = await ask((_, response) => response.writeHead(status).end());
      expect([status, answer.ok]).toEqual([status, ok]);
      if (!ok) expect(answer.output).toBe(`HTTP probe failed with statuscode: ${status}`);
    }
  });

  it('send the path, the query and the headers that they are told', async () => {
    let seen: http.IncomingMessage | undefined;
    await ask(
      (request, response) => {
        seen = request;
        response.end();
      },
      {
        path: 'health?deep=1',
        httpHeaders: [
          { name: 'X-Mine', value: 'yes' },
          { name: 'Host', value: 'web.test' },
        ],
      },
    );
    expect(seen?.url).toBe('/health?deep=1');
    expect(seen?.headers).toMatchObject({ 'x-mine': 'yes', host: 'web.test', 'user-agent': 'kube-probe/1.36' });
  });

  it('follow redirects of the same host, and warn of those to another', async () => {
    const same = await ask((request, response) => {
      if (request.url === '/') response.writeHead(302, { Location: '/there' }).end();
      else response.writeHead(request.url === '/there' ? 503 : 200).end();
    });
    expect(same).toMatchObject({ ok: false, output: 'HTTP probe failed with statuscode: 503' });
    const other = await ask((_, response) => response.writeHead(302, { Location: 'http://other.test/' }).end());
    expect(other).toMatchObject({ ok: true, warning: true });
  });

  it('fail after their timeout, when nobody listens, and with an unknown port', async () => {
    const slow = await ask(() => {}, {}, { timeoutSeconds: 1 });
    expect(slow).toMatchObject({ ok: false });
    expect(slow.output).toContain('context deadline exceeded');
    const port = await closedPort();
    const refused = await runProbe({ httpGet: { port }, ...patient } as Probe, target());
    expect(refused.output).toBe(
      `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
    expect(refused.unknown).toBeUndefined();
    expect(await runProbe({ httpGet: { port: 'web' } } as Probe, target())).toEqual({
      ok: false,
      unknown: true,
      output: "couldn't find port: web",
    });
  });
});

describe('other probes', () => {
  it('by TCP succeed when someone listens', async () => {
    const port = await listen(net.createServer());
    expect(await runProbe({ tcpSocket: { port }, ...patient } as Probe, target())).toMatchObject({ ok: true });
    const closed = await closedPort();
    expect((await runProbe({ tcpSocket: { port: closed }, ...patient } as Probe, target())).output).toMatch(
      /connection refused$/,
    );
  });

  it('by gRPC ask the health service', async () => {
    const server = new Server();
    const raw = {
      requestSerialize: (b: Buffer) => b,
      requestDeserialize: (b: Buffer) => b,
      responseSerialize: (b: Buffer) => b,
      responseDeserialize: (b: Buffer) => b,
    };
    const definition = {
      Check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...raw },
    } as ServiceDefinition;
    server.addService(definition, {
      Check: (call: { request: Buffer }, reply: (error: null, answer: Buffer) => void) =>
        reply(null, Buffer.from([8, call.request.toString().includes('sick') ? 2 : 1])),
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    closers.push(() => server.forceShutdown());
    expect(await runProbe({ grpc: { port }, ...patient } as Probe, target())).toMatchObject({ ok: true });
    const sick = await runProbe({ grpc: { port, service: 'sick' }, ...patient } as Probe, target());
    expect(sick).toEqual({ ok: false, output: 'service unhealthy (responded with "NOT_SERVING")' });
  });

  it('by command take the exit code, and tell of the timeout', async () => {
    const exec = (answer: () => Promise<object>) => ({ runtime: { execSync: answer } }) as unknown as CriRuntime;
    const probe = { exec: { command: ['check', 'it'] } } as Probe;
    const output = { stdout: Buffer.from('out'), stderr: Buffer.from('err') };
    const bad = await runProbe(probe, target({ runtime: exec(async () => ({ ...output, exit_code: 1 })) }));
    expect(bad).toEqual({ ok: false, output: 'outerr' });
    const good = await runProbe(probe, target({ runtime: exec(async () => ({ ...output, exit_code: 0 })) }));
    expect(good.ok).toBe(true);
    const gone = exec(async () => {
      throw new CriError('NOT_FOUND', 'ExecSync', 'container not found');
    });
    expect(await runProbe(probe, target({ runtime: gone }))).toMatchObject({ ok: false, unknown: true });
    const slow = await runProbe(
      probe,
      target({
        runtime: exec(async () => {
          throw new CriError('DEADLINE_EXCEEDED', 'ExecSync', 'timeout 1s exceeded');
        }),
      }),
    );
    expect(slow.output).toBe('command timed out: "check it" timed out after 1s');
  });
});
