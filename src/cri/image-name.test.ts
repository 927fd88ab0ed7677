import { describe, expect, it } from 'vitest';
import { fullImageName, isLatestTag, parseImageName } from './image-name.ts';

const digest = `sha256:${'0'.repeat(64)}`;

describe('image names', () => {
  it.each([
    ['web', 'docker.io/library/web:latest'],
    ['web:1', 'docker.io/library/web:1'],
    ['team/web', 'docker.io/team/web:latest'],
    ['docker.io/web', 'docker.io/library/web:latest'],
    ['localhost/web:1', 'localhost/web:1'],
    ['registry:5000/a/b', 'registry:5000/a/b:latest'],
    [`example.com/a@${digest}`, `example.com/a@${digest}`],
    [`example.com/a:1@${digest}`, `example.com/a:1@${digest}`],
  ])('%s is %s in full', (short, full) => {
    expect(fullImageName(short)).toBe(full);
  });

  it.each(['', 'a/UPPER', 'a//b', 'a:', 'with space', '-a'])('%j is no image name', (text) => {
    expect(parseImageName(text)).toBeUndefined();
  });

  it('have the tag latest when they say so or say nothing', () => {
    expect(['web', 'web:latest', 'web:1', `web@${digest}`].map(isLatestTag)).toEqual([true, true, false, false]);
  });
});
