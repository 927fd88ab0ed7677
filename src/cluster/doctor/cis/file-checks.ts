/** 1.1 and 4.1: who may read and change the files of the control plane and of the node. */
import { join } from 'node:path';
import { paths } from '../../config.ts';
import { type FileFacts, factsOf, filesIn, storeFiles } from '../files.ts';
import { absent, type CisCheck, fail, type Judgement, notApplicable, pass } from './check.ts';
import type { CisFacts } from './facts.ts';

const octal = (mode: number) => mode.toString(8).padStart(4, '0');

type FilesOf = (facts: CisFacts) => readonly FileFacts[] | undefined;

const one = (path: string) => {
  const facts = factsOf(path);
  return facts ? [facts] : [];
};

const noNode = 'nodes are simulated: there are no files of a node';
const onNode =
  (files: (folder: string, facts: CisFacts) => readonly FileFacts[]): FilesOf =>
  (facts) =>
    facts.config.runtime === 'cri' ? files(paths(facts.config.dataDir).agent, facts) : undefined;

function modes(id: string, title: string, files: FilesOf, limit: number): CisCheck {
  return { id, title, judge: (facts) => judgeFiles(files(facts), (file) => (file.mode & ~limit) === 0, limit) };
}

function owners(id: string, title: string, files: FilesOf): CisCheck {
  return {
    id,
    title,
    judge(facts) {
      // Whoever runs the server owns its files: root where nodes are real.
      const owner = facts.config.runtime === 'cri' ? 0 : process.getuid?.();
      return judgeFiles(files(facts), (file) => file.uid === owner);
    },
  };
}

function judgeFiles(
  files: readonly FileFacts[] | undefined,
  isGood: (file: FileFacts) => boolean,
  limit?: number,
): Judgement {
  if (!files) return notApplicable(noNode);
  const first = files[0];
  if (!first) return notApplicable('there is no such file in this cluster');
  const bad = files.find((file) => !isGood(file));
  const text = (file: FileFacts) => `${file.path} has mode ${octal(file.mode)} and owner ${file.uid}:${file.gid}`;
  const wanted = limit === undefined ? '' : `, at most ${octal(limit)}`;
  if (bad) return fail(text(bad));
  return pass(files.length === 1 ? text(first) : `${files.length} files${wanted || `, of user ${first.uid}`}`);
}

const database: FilesOf = ({ config }) =>
  config.store === 'sqlite' ? [...one(config.dataDir), ...storeFiles(config)] : undefined;
const storeDir = (id: string, title: string, inner: CisCheck): CisCheck => ({
  id,
  title,
  judge: (facts) =>
    facts.config.store === 'sqlite'
      ? inner.judge(facts)
      : notApplicable(`objects are kept in ${facts.config.store}, not in a folder of this machine`),
});
const adminFiles: FilesOf = ({ config }) => [...one(paths(config.dataDir).adminKubeconfig), ...one(config.kubeconfig)];
const pkiFiles: FilesOf = ({ config }) => filesIn(paths(config.dataDir).pki);
const pkiAndFolder: FilesOf = (facts) => [...one(paths(facts.config.dataDir).pki), ...(pkiFiles(facts) ?? [])];
const ending =
  (suffix: RegExp, files: FilesOf): FilesOf =>
  (facts) =>
    files(facts)?.filter((file) => suffix.test(file.path));
const cni = onNode((folder) => filesIn(join(folder, 'cni')));
const agentKey = (name: string) =>
  onNode((folder) => [...one(join(folder, 'pki')), ...one(join(folder, 'pki', `${name}.key`))]);
const clientCa = onNode((_folder, { config }) => one(join(paths(config.dataDir).pki, 'ca.crt')));
const settings = onNode((_folder, { config }) => one(paths(config.dataDir).config));

const noManifests = 'the control plane is one program, started without pod manifests';
const inProcess = 'runs inside the server, without a kubeconfig';

/** 1.1 and 4.1. */
export const fileChecks: readonly CisCheck[] = [
  ...absent(noManifests, [
    ['1.1.1', 'API server manifest, mode'],
    ['1.1.2', 'API server manifest, owner'],
    ['1.1.3', 'controller manager manifest, mode'],
    ['1.1.4', 'controller manager manifest, owner'],
    ['1.1.5', 'scheduler manifest, mode'],
    ['1.1.6', 'scheduler manifest, owner'],
    ['1.1.7', 'etcd manifest, mode'],
    ['1.1.8', 'etcd manifest, owner'],
  ]),
  modes('1.1.9', 'pod network configuration, mode', cni, 0o600),
  owners('1.1.10', 'pod network configuration, owner', cni),
  storeDir('1.1.11', 'folder and files of the store, mode', modes('', '', database, 0o700)),
  storeDir('1.1.12', 'folder and files of the store, owner', owners('', '', database)),
  modes('1.1.13', "administrator's kubeconfig, mode", adminFiles, 0o600),
  owners('1.1.14', "administrator's kubeconfig, owner", adminFiles),
  ...absent(inProcess, [
    ['1.1.15', "scheduler's kubeconfig, mode"],
    ['1.1.16', "scheduler's kubeconfig, owner"],
    ['1.1.17', "controller manager's kubeconfig, mode"],
    ['1.1.18', "controller manager's kubeconfig, owner"],
  ]),
  owners('1.1.19', 'folder and files of the keys, owner', pkiAndFolder),
  modes('1.1.20', 'certificates, mode', ending(/\.(crt|pub)$/, pkiFiles), 0o600),
  modes('1.1.21', 'private keys, mode', ending(/\.key$/, pkiFiles), 0o600),
  ...absent('the agent is started by "timonel up", without a service unit', [
    ['4.1.1', 'service unit of the node agent, mode'],
    ['4.1.2', 'service unit of the node agent, owner'],
  ]),
  modes('4.1.3', "service proxy's credentials, mode", agentKey('network-client'), 0o700),
  owners('4.1.4', "service proxy's credentials, owner", agentKey('network-client')),
  modes('4.1.5', "node agent's credentials, mode", agentKey('kubelet-client'), 0o700),
  owners('4.1.6', "node agent's credentials, owner", agentKey('kubelet-client')),
  modes('4.1.7', "authority of the node's callers, mode", clientCa, 0o644),
  owners('4.1.8', "authority of the node's callers, owner", clientCa),
  modes('4.1.9', "node agent's settings, mode", settings, 0o600),
  owners('4.1.10', "node agent's settings, owner", settings),
];
