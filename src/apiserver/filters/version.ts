import { kubernetesMajor, kubernetesMinor, kubernetesVersion } from '../../api/version.ts';
import { jsonAnswer, type PathHandler } from './path-answer.ts';

/** The version of the Kubernetes API that is served. */
export const serverVersion = {
  major: kubernetesMajor,
  minor: kubernetesMinor,
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: `${kubernetesVersion}+timonel`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-04-22T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const;

export const versionHandler: PathHandler = ({ info }) =>
  info.path === '/version' || info.path === '/version/' ? jsonAnswer(serverVersion) : undefined;
