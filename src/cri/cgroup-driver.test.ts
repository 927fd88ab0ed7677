import { describe, expect, it } from 'vitest';
import { detectCgroupDriver } from './cgroup-driver.ts';
import { CriError, type CriRuntime } from './runtime.ts';

const old = async () => {
  throw new CriError('UNIMPLEMENTED', 'RuntimeConfig', 'unknown method RuntimeConfig');
};
const runtime = (runtimeConfig: () => Promise<object>, config?: object) =>
  ({
    runtime: { runtimeConfig, status: async () => ({ info: config ? { config: JSON.stringify(config) } : {} }) },
  }) as unknown as CriRuntime;
const containerd = (options: object) => ({
  containerd: { defaultRuntimeName: 'runc', runtimes: { runc: { options } } },
});

describe('the cgroup driver of a runtime', () => {
  it('is what the runtime says', async () => {
    expect(await detectCgroupDriver(runtime(async () => ({ linux: { cgroup_driver: 'SYSTEMD' } })))).toBe('systemd');
    expect(await detectCgroupDriver(runtime(async () => ({ linux: { cgroup_driver: 'CGROUPFS' } })))).toBe('cgroupfs');
  });

  it('is read from the configuration of an older containerd', async () => {
    expect(await detectCgroupDriver(runtime(old, containerd({ SystemdCgroup: true })))).toBe('systemd');
    expect(await detectCgroupDriver(runtime(old, containerd({})))).toBe('cgroupfs');
    expect(await detectCgroupDriver(runtime(old))).toBe('cgroupfs');
  });

  it('is not guessed when the runtime does not answer', async () => {
    const away = async () => {
      throw new CriError('UNAVAILABLE', 'RuntimeConfig', 'connection refused');
    };
    await expect(detectCgroupDriver(runtime(away))).rejects.toThrow('connection refused');
  });
});
