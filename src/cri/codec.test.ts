import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from './codec.ts';

describe('the CRI codec', () => {
  it('carries nested messages, lists, maps and enums there and back', () => {
    const bytes = encodeMessage('RunPodSandboxRequest', {
      runtime_handler: 'runc',
      config: {
        metadata: { name: 'web', namespace: 'default', uid: 'u1', attempt: 2 },
        labels: { a: 'b' },
        port_mappings: [{ protocol: 'UDP', container_port: 53, host_port: 5353 }],
        linux: { security_context: { namespace_options: { network: 'NODE' }, supplemental_groups: [1, 2] } },
      },
    });
    const back = decodeMessage('RunPodSandboxRequest', bytes);
    expect(back.config?.metadata).toEqual({ name: 'web', namespace: 'default', uid: 'u1', attempt: 2 });
    expect(back.config?.labels).toEqual({ a: 'b' });
    expect(back.config?.port_mappings[0]?.protocol).toBe('UDP');
    expect(back.config?.linux?.security_context?.namespace_options?.network).toBe('NODE');
    expect(back.config?.linux?.security_context?.supplemental_groups).toEqual([1, 2]);
  });

  it('gives defaults for what was not sent, and leaves unset messages out', () => {
    const back = decodeMessage('ContainerStatusResponse', encodeMessage('ContainerStatusResponse', { status: {} }));
    expect(back.status?.state).toBe('CONTAINER_CREATED');
    expect(back.status?.labels).toEqual({});
    expect(back.status?.mounts).toEqual([]);
    expect('image' in back.status!).toBe(false);
  });

  it('writes the same bytes as the published numbers say', () => {
    expect(encodeMessage('StopContainerRequest', { container_id: 'c', timeout: 5 }).toString('hex')).toBe('0a01631005');
  });

  it('skips fields of a newer runtime', () => {
    const unknown = Buffer.from([0xfa, 0x3e, 0x01, 0x78]);
    const bytes = Buffer.concat([encodeMessage('Image', { id: 'sha256:1' }), unknown]);
    expect(decodeMessage('Image', bytes).id).toBe('sha256:1');
  });
});
