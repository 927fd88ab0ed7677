import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service } from '../../../api/core/service.ts';
import { IPAddress } from '../../../api/networking/ip-address.ts';
import { startTestServer, type TestServer } from '../../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('services', () => {
  it('get an address of the range and node ports, which go with them', async () => {
    const ref = { namespace: 'default', name: 'web' };
    const service = await running.client.create(Service, {
      metadata: ref,
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    });
    const ip = service.spec.clusterIP!;
    expect(ip).toMatch(/^10\./);
    expect(service.spec).toMatchObject({ clusterIPs: [ip], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
    const port = service.spec.ports![0]!.nodePort!;
    expect(port).toBeGreaterThanOrEqual(30_000);
    expect((await running.client.get(IPAddress, { name: ip })).spec.parentRef).toMatchObject({
      resource: 'services',
      name: 'web',
    });

    const taken = running.client.create(Service, {
      metadata: { namespace: 'default', name: 'greedy' },
      spec: { clusterIP: ip, type: 'NodePort', ports: [{ port: 80, nodePort: port }] },
    });
    await expect(taken).rejects.toThrow('provided IP is already allocated');
    await running.client.delete(Service, ref);
    expect(await running.client.find(IPAddress, { name: ip })).toBeUndefined();
    const again = await running.client.create(Service, {
      metadata: { namespace: 'default', name: 'greedy' },
      spec: { clusterIP: ip, type: 'NodePort', ports: [{ port: 80, nodePort: port }] },
    });
    expect(again.spec.ports![0]!.nodePort).toBe(port);
  });

  it('keep their address in an update that leaves it out', async () => {
    const ref = { namespace: 'default', name: 'kept' };
    const service = await running.client.create(Service, { metadata: ref, spec: { ports: [{ port: 80 }] } });
    const { clusterIP: _ip, clusterIPs: _ips, ...spec } = service.spec;
    const updated = await running.client.update(Service, {
      ...service,
      spec: { ...spec, selector: { a: 'b' } },
    } as typeof service);
    expect(updated.spec.clusterIP).toBe(service.spec.clusterIP);
  });

  it('many at once get different addresses', async () => {
    const made = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        running.client.create(Service, {
          metadata: { namespace: 'default', name: `many-${i}` },
          spec: { type: 'NodePort', ports: [{ port: 80 }] },
        }),
      ),
    );
    expect(new Set(made.map((service) => service.spec.clusterIP)).size).toBe(30);
    expect(new Set(made.map((service) => service.spec.ports![0]!.nodePort)).size).toBe(30);
  });
});
