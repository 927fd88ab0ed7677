import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from './config.ts';
import { schedulerSettings } from './scheduler-settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'timonel-scheduler-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));

const file = (text: string): string => {
  const path = join(directory, 'scheduler.yaml');
  writeFileSync(path, text);
  return path;
};
const head = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';

describe('--scheduler-config', () => {
  it('is read where it is given', () => {
    expect(schedulerSettings({})).toEqual({});
    const schedulerConfig = file(`${head}profiles: [{schedulerName: mine}]\n`);
    expect(schedulerSettings({ schedulerConfig }).schedulerConfig?.profiles).toMatchObject([{ schedulerName: 'mine' }]);
  });

  it.each([
    [
      `${head}profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Best}}}]}]\n`,
      'profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
    ],
    ['a: [', 'at line 1, column 5'],
  ])('is refused with the flag, the file and the field: %j', (text, why) => {
    const schedulerConfig = file(text);
    let error: unknown;
    try {
      schedulerSettings({ schedulerConfig });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UserError);
    const { message } = error as UserError;
    expect(message).toContain(`--scheduler-config ${schedulerConfig}: `);
    expect(message).toContain(why);
    expect(message).not.toContain('\n');
  });

  it('that is not there is said to be missing', () => {
    expect(() => schedulerSettings({ schedulerConfig: join(directory, 'none') })).toThrow('cannot be read (ENOENT)');
  });
});
