/** A container runtime that runs already is used and left as it was. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Containerd, superviseContainerd } from '../../src/cri/containerd.ts';
import { packWebImage } from '../images/web-image.ts';
import { newUser, type User } from './harness.ts';

const asRoot = process.platform === 'linux' && process.getuid?.() === 0;

describe.runIf(asRoot)('timonel up --cri-endpoint (needs root on Linux)', () => {
  let dir: string;
  let runtime: Containerd;
  let user: User;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'ext-'));
    runtime = await superviseContainerd({ dataDir: dir, cniConfDir: join(dir, 'net.d') });
    user = await newUser();
  });
  afterAll(async () => {
    await user?.leave();
    await runtime?.purge();
    rmSync(dir, { recursive: true, force: true });
  });

  it('runs pods on it, and takes only its own away', async () => {
    const up = await user.timonel('up', '--name', 'ext', '--cri-endpoint', runtime.endpoint);
    expect(up, up.stderr).toMatchObject({ code: 0 });
    const archive = join(user.home, 'web.tar');
    writeFileSync(archive, packWebImage('1'));
    expect(await user.timonel('image', 'import', archive, '--name', 'ext')).toMatchObject({ code: 0 });
    await user.kubectl('run', 'web', '--image=web:1', '--image-pull-policy=Never');
    await user.kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=180s');
    const foreign = await runtime.runtime.runtime.runPodSandbox({
      config: {
        metadata: { name: 'foreign', namespace: 'other', uid: 'somebody-else', attempt: 0 },
        linux: { security_context: { namespace_options: { network: 'NODE' } } },
      } as never,
    });
    expect(await user.timonel('down', '--purge', '--name', 'ext')).toMatchObject({ code: 0 });
    const { items } = await runtime.runtime.runtime.listPodSandbox({});
    expect(items.map((sandbox) => sandbox.id)).toEqual([foreign.pod_sandbox_id]);
    expect(readdirSync(join(dir, 'net.d'))).toEqual([]);
  });
});
