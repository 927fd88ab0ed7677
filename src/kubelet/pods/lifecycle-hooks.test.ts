import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { realClock } from '../../base/clock.ts';
import type { CriRuntime } from '../../cri/runtime.ts';
import { type HookTarget, runHook } from './lifecycle-hooks.ts';

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe('an HTTP hook', () => {
  const context = { runtime: {} as CriRuntime, clock: realClock };
  const target = { pod: {}, container: { name: 'main', ports: [] }, containerId: 'c', podIp: '127.0.0.1' } as unknown;
  const run = async (answer: http.RequestListener, action: object = {}) => {
    const server = http.createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await runHook(context, { httpGet: { port, ...action } }, { target: target as HookTarget });
  };

  it('asks as upstream does, with the headers that it is told', async () => {
    let seen: http.IncomingMessage | undefined;
    const answer: http.RequestListener = (request, response) => {
      seen = request;
      response.end();
    };
    await run(answer, { path: '/stop?now', httpHeaders: [{ name: 'X-Mine', value: 'yes' }] });
    expect(seen?.url).toBe('/stop?now');
    expect(seen?.headers).toMatchObject({ 'user-agent': 'kube-lifecycle/1.36', accept: '*/*', 'x-mine': 'yes' });
  });

  it('is content with any answer, and fails without one', async () => {
    await run((_, response) => response.writeHead(500).end());
    await expect(run((request) => request.socket.destroy())).rejects.toThrow();
  });
});
