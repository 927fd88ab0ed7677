/** Which TCP ports a process listens on, as the kernel lists it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ListeningSocket {
  readonly port: number;
  /** Reachable from this machine only. */
  readonly loopback: boolean;
}

const listenState = '0A';
const loopbackV6 = '00000000000000000000000001000000';

/** All listening sockets by inode; undefined where there is no /proc. */
function listeningSockets(): Map<string, ListeningSocket> | undefined {
  const found = new Map<string, ListeningSocket>();
  let readable = false;
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
      readable = true;
    } catch {
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] !== listenState) continue;
      const [address = '', port = ''] = (fields[1] ?? '').split(':');
      found.set(fields[9] ?? '', {
        port: Number.parseInt(port, 16),
        // IPv4 addresses are in the machine's order: the first octet comes last.
        loopback: address.length === 8 ? address.endsWith('7F') : address === loopbackV6,
      });
    }
  }
  return readable ? found : undefined;
}

/** Sockets that a process listens on; undefined where that cannot be seen. */
export function socketsOf(pid: number): ListeningSocket[] | undefined {
  const all = listeningSockets();
  if (!all) return undefined;
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const inode = readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1];
        return (inode && all.get(inode)) || [];
      } catch {
        return [];
      }
    });
  } catch {
    return undefined;
  }
}
