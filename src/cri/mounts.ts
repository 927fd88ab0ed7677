/** Mounts of this machine, for taking down what lies under a directory. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The mount points at or under a directory, the deepest first. */
export function mountsUnder(dir: string, mountInfo: string = readFileSync('/proc/self/mountinfo', 'utf8')): string[] {
  return mountInfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((point): point is string => point !== undefined)
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((point) => point === dir || point.startsWith(`${dir}/`))
    .reverse();
}

/** Unmounts everything under a directory; what is busy is detached. Returns what could not be unmounted. */
export function unmountAll(dir: string): string[] {
  const points = mountsUnder(dir);
  for (let at = 0; at < points.length; at += 100) {
    const some = points.slice(at, at + 100);
    if (spawnSync('umount', some, { stdio: 'ignore' }).status !== 0) {
      spawnSync('umount', ['-l', ...some], { stdio: 'ignore' });
    }
  }
  return points.length === 0 ? [] : mountsUnder(dir);
}
