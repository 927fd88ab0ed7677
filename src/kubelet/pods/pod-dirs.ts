/** Where a pod's files are. The layout is upstream's, which log collectors and volume plugins know. */
import { join } from 'node:path';

interface PodIdentity {
  readonly metadata: { readonly namespace?: string; readonly name?: string; readonly uid?: string };
}

/** `<root>/pods/<uid>`. */
export const podDir = (rootDir: string, podUid: string): string => join(rootDir, 'pods', podUid);

/** Where a volume is put together: `…/volumes/kubernetes.io~<type>/<name>`. */
export const volumeDir = (rootDir: string, podUid: string, volume: { type: string; name: string }): string =>
  join(podDir(rootDir, podUid), 'volumes', `kubernetes.io~${volume.type}`, volume.name);

/** Where a container's own files are (termination message). */
export const containerDir = (rootDir: string, podUid: string, container: string): string =>
  join(podDir(rootDir, podUid), 'containers', container);

/** The file that becomes the containers' /etc/hosts. */
export const hostsFile = (rootDir: string, podUid: string): string => join(podDir(rootDir, podUid), 'etc-hosts');

/** The directory of a pod's logs: `<namespace>_<name>_<uid>`. */
export const podLogDir = (logDir: string, pod: PodIdentity): string =>
  join(logDir, `${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`);

/** A container's log file, relative to the pod's log directory. */
export const containerLogPath = (container: string, restartCount: number): string =>
  join(container, `${restartCount}.log`);
