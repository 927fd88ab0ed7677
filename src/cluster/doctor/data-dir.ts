/** What is kept in the data dir: permissions, certificates, store and snapshots. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFacts, isDueForRenewal, matchesKey } from '../../base/pki.ts';
import { listSnapshots } from '../../store/snapshot.ts';
import { type ClusterConfig, paths } from '../config.ts';
import { type FileFacts, privateFiles } from './files.ts';
import { daysUntil, type Finding, Findings, sizeText } from './finding.ts';

const largeStoreBytes = 2 * 1024 * 1024 * 1024;
const authorityWarnDays = 90;

/** Looks at the data dir of a cluster, running or not. */
export async function examineDataDir(config: ClusterConfig, now: number): Promise<Finding[]> {
  const found = new Findings('data');
  examinePermissions(found, config);
  examineCertificates(found, config, now);
  examineStore(found, config);
  const snapshots = await listSnapshots(paths(config.dataDir).snapshots);
  const newest = snapshots[0];
  found.ok(
    'snapshots',
    newest ? `${snapshots.length}, the newest of ${newest.createdAt}` : 'none; "timonel snapshot save" makes one',
  );
  return found.list;
}

function examinePermissions(found: Findings, config: ClusterConfig): void {
  const files = privateFiles(config);
  const own = process.getuid?.();
  const open = files.filter((file) => file.mode & 0o077);
  const foreign = own === undefined ? [] : files.filter((file) => file.uid !== own && file.uid !== 0);
  if (open.length)
    found.broken(
      'permissions',
      `others may get at ${names(open)}`,
      `chmod go-rwx ${open.map((file) => file.path).join(' ')}`,
    );
  if (foreign.length)
    found.warn(
      'permissions',
      `${names(foreign)} belong to another user`,
      'run this command as that user, or give the files back with chown',
    );
  if (!open.length && !foreign.length) found.ok('permissions', `${files.length} private files, for their owner only`);
}

const names = (files: readonly FileFacts[]) =>
  files
    .map((file) => `${file.path} (${file.mode.toString(8)})`)
    .slice(0, 3)
    .join(', ') + (files.length > 3 ? ` and ${files.length - 3} more` : '');

function examineCertificates(found: Findings, config: ClusterConfig, now: number): void {
  const certificates = privateFiles(config).filter((file) => file.path.endsWith('.crt'));
  let first: { name: string; notAfter: number } | undefined;
  let good = true;
  const bad = (message: string, advice: string) => {
    good = false;
    found.broken('certificates', message, advice);
  };
  for (const { path } of certificates) {
    const again =
      'a running cluster renews it within the hour, a stopped one when it starts; look at "timonel logs" if it does not';
    try {
      const cert = readFileSync(path, 'utf8');
      const { notBefore, notAfter, isAuthority } = certificateFacts(cert);
      if (!first || notAfter < first.notAfter) first = { name: path, notAfter };
      if (now < notBefore)
        bad(`${path} is not valid before ${new Date(notBefore).toISOString()}`, 'the clock is wrong: set the time');
      else if (now > notAfter)
        bad(
          `${path} has ended ${-daysUntil(notAfter, now)} days ago`,
          isAuthority ? 'an authority is not renewed: make the cluster anew from a snapshot' : again,
        );
      else if (isAuthority && daysUntil(notAfter, now) < authorityWarnDays) {
        good = false;
        found.warn(
          'certificates',
          `the authority ${path} ends in ${daysUntil(notAfter, now)} days`,
          'plan a new cluster from a snapshot ("timonel up --from-snapshot")',
        );
      } else if (!isAuthority && isDueForRenewal(cert, now)) {
        good = false;
        found.warn('certificates', `${path} ends in ${daysUntil(notAfter, now)} days`, again);
      }
      if (!matchesKey(cert, readFileSync(path.replace(/crt$/, 'key'), 'utf8')))
        bad(
          `${path} does not belong to its key`,
          'restore both from one backup, or remove both to have them made anew',
        );
    } catch (error) {
      bad(`${path}: ${(error as Error).message}`, 'restore it and its key from a backup');
    }
  }
  if (good && first)
    found.ok('certificates', `${certificates.length} good; the first ends in ${daysUntil(first.notAfter, now)} days`);
}

function examineStore(found: Findings, config: ClusterConfig): void {
  if (config.store === 'memory') {
    found.warn('store', 'in memory: all objects are gone with the server', 'for more than tests use --store sqlite');
    return;
  }
  if (config.store === 'etcd') {
    found.ok('store', `etcd at ${config.etcdEndpoints.join(', ')}`);
    return;
  }
  const { database } = paths(config.dataDir);
  const size = (suffix: string) => statSync(`${database}${suffix}`, { throwIfNoEntry: false })?.size ?? 0;
  const bytes = size('') + size('-wal');
  if (bytes === 0)
    found.broken(
      'store',
      `${join(config.dataDir, 'state.db')} is missing or empty`,
      'put it back from a snapshot ("timonel snapshot restore")',
    );
  else if (bytes > largeStoreBytes)
    found.warn('store', `${sizeText(bytes)} in ${database}`, 'look for what fills it: events, secrets of old releases');
  else found.ok('store', `${sizeText(bytes)} in ${database}`);
}
