/** The command line. Each command's code is loaded only when it is run, because start-up time counts. */
import { Command, CommanderError, Option } from 'commander';
import { UserError } from '../cluster/config.ts';
import { printError } from './progress.ts';

const program = new Command('timonel')
  .description('A complete Kubernetes in one command')
  .showHelpAfterError('(timonel --help lists the commands)')
  .enablePositionalOptions()
  .exitOverride();

const list = (value: string) => value.split(',').filter((item) => item !== '');
const number = (value: string) => Number(value);

/** Options that name a cluster. */
function clusterCommand(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(new Option('--name <name>', 'the cluster; one that is alone is found without').env('TIMONEL_NAME'))
    .addOption(new Option('--data-dir <dir>', 'where the cluster keeps its state').env('TIMONEL_DATA_DIR'));
}

const outputOption = () =>
  new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text');

clusterCommand('up', 'Start a cluster and wait until it is usable')
  .option('--config <file>', 'settings as YAML, by the names of these flags in camelCase')
  .option('--kubeconfig <file>', 'write only this file instead of merging into $KUBECONFIG or ~/.kube/config')
  .option('--api-port <port>', 'port of the API server; 0 picks a free one', number)
  .option('--nodes <count>', 'number of nodes (more than one only simulated)', number)
  .addOption(
    new Option('--runtime <runtime>', 'auto: containers as root on Linux, else simulated nodes').choices([
      'auto',
      'cri',
      'sim',
    ]),
  )
  .option('--cri-endpoint <url>', 'use a container runtime that runs already (unix:///run/containerd/containerd.sock)')
  .addOption(new Option('--store <store>', 'where objects are kept').choices(['sqlite', 'memory', 'etcd']))
  .option('--etcd-endpoints <urls>', 'etcd servers, separated by commas', list)
  .option('--etcd-prefix <prefix>', 'put before every key, one per cluster that shares an etcd (/timonel)')
  .option('--etcd-ca <file>', 'CA certificate of the etcd servers')
  .option('--etcd-cert <file>', 'client certificate for etcd')
  .option('--etcd-key <file>', 'key of the client certificate for etcd')
  .option('--pod-cidr <cidr>', 'network of the pods (default: a free one)')
  .option('--service-cidr <cidr>', 'network of the services (default: a free one)')
  .option(
    '--leader-elect-lease-duration <duration>',
    'how long the lease of a control plane that is gone is respected (9s)',
  )
  .option('--disable <parts>', 'leave parts out, separated by commas', list)
  .option('--ca-cert <file>', 'authority of a new cluster, a root or an intermediate, instead of one of its own')
  .option('--ca-key <file>', 'its key')
  .option('--authentication-config <file>', 'AuthenticationConfiguration file')
  .option('--authentication-token-webhook-config-file <file>', 'kubeconfig file of a server that is asked about tokens')
  .option('--token-auth-file <file>', 'tokens of users, a line each: token,user,uid,"groups"')
  .option('--authorization-mode <modes>', 'Node,RBAC by default; AlwaysAllow and Webhook on request', list)
  .option('--authorization-webhook-config-file <file>', 'kubeconfig file of the server that the mode Webhook asks')
  .option('--admission-config <file>', 'AdmissionConfiguration file')
  .option('--runtime-config <versions>', 'further API versions to serve: storagemigration.k8s.io/v1beta1', list)
  .option('--enable-admission <plugins>', 'further admission plugins', list)
  .option('--disable-admission <plugins>', 'admission plugins to leave out', list)
  .option('--audit-policy <file>', 'what is recorded of which requests (default: who did what, without bodies)')
  .option('--audit-log <file>', 'file that audit events are written to')
  .option('--audit-webhook-config-file <file>', 'kubeconfig file of a server that audit events are sent to')
  .option('--encryption-key-file <file>', 'encrypt Secrets at rest with these keys')
  .option('--kubelet-config <file>', 'KubeletConfiguration file for the node')
  .option('--scheduler-config <file>', 'KubeSchedulerConfiguration file: profiles, plugins, extenders')
  .option('--from-snapshot <file>', 'begin a new cluster with the objects of a snapshot')
  .option('--foreground', 'stay, and take the cluster down on Ctrl-C')
  .option('--wait <duration>', 'how long to wait for the cluster to be usable', '60s')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/up.ts')).up(options));

clusterCommand('down', 'Stop a cluster; containers keep running unless it is purged')
  .option('--purge', 'remove everything: containers, networks, state, kubeconfig entry')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/down.ts')).down(options));

clusterCommand('status', 'What runs, and where')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/status.ts')).status(options));

clusterCommand('explain', 'Why an object is not as it should be, and what would have to change')
  .argument('<kind/name>', 'pod/web, deployment/web, namespace/old, …')
  .option('-n, --namespace <namespace>', 'its namespace', 'default')
  .option('--as <user>', 'explain what this user may do with it')
  .option('--as-group <group...>', 'groups of that user')
  .option('--verb <verb>', 'what the user would do: get, delete, …', 'get')
  .action(async (target, options) => (await import('./commands/explain.ts')).explain(target, options));

clusterCommand('logs', "The server's and the agent's own logs")
  .option('-f, --follow', 'go on as they grow')
  .option('--tail <lines>', 'only the last lines', number)
  .addOption(new Option('--of <process>', 'server or agent (default: both)').choices(['server', 'agent']))
  .action(async (options) => (await import('./commands/logs.ts')).logs(options));

const image = program.command('image').description('Images on the nodes, without a registry');
const imageCommand = (name: string, description: string) =>
  image
    .command(name)
    .description(description)
    .addOption(new Option('--name <name>', 'the cluster').env('TIMONEL_NAME'))
    .addOption(new Option('--data-dir <dir>', 'where the cluster keeps its state').env('TIMONEL_DATA_DIR'));
imageCommand('import', 'Import OCI or Docker archives')
  .argument('<file...>', 'tar files, also gzipped')
  .action(async (files, options) => (await import('./commands/image.ts')).importImages(files, options));
imageCommand('ls', 'List images')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/image.ts')).listImages(options));
imageCommand('rm', 'Remove images')
  .argument('<image...>', 'names or ids')
  .action(async (images, options) => (await import('./commands/image.ts')).removeImages(images, options));

const snapshot = program.command('snapshot').description("Copies of a cluster's state, of one moment");
const snapshotCommand = (name: string, description: string) =>
  snapshot
    .command(name)
    .description(description)
    .addOption(new Option('--name <name>', 'the cluster').env('TIMONEL_NAME'))
    .addOption(new Option('--data-dir <dir>', 'where the cluster keeps its state').env('TIMONEL_DATA_DIR'));
snapshotCommand('save', 'Save a snapshot, also while the cluster runs; prints the file')
  .option('--to <dir>', "folder to write it to (default: the data dir's snapshots)")
  .action(async (options) => (await import('./commands/snapshot.ts')).save(options));
snapshotCommand('ls', 'List snapshots, the newest first')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/snapshot.ts')).ls(options));
snapshotCommand('restore', 'Put a stopped cluster back to a snapshot')
  .argument('[snapshot]', 'a file or a name; the newest when absent')
  .action(async (wanted, options) => (await import('./commands/snapshot.ts')).restore(wanted, options));
snapshotCommand('fork', 'Start a simulated cluster from a snapshot, to try things on')
  .argument('[snapshot]', 'a file or a name; this moment when absent')
  .option('--as <name>', 'name of the new cluster')
  .addOption(outputOption())
  .action(async (wanted, options) => (await import('./commands/snapshot.ts')).fork(wanted, options));

const token = program.command('token').description('Join tokens');
const tokenCommand = (name: string, description: string) =>
  token
    .command(name)
    .description(description)
    .addOption(new Option('--name <name>', 'the cluster').env('TIMONEL_NAME'))
    .addOption(new Option('--data-dir <dir>', 'where the cluster keeps its state').env('TIMONEL_DATA_DIR'));
tokenCommand('create', 'Make a token that a machine can join with, and print it')
  .option('--ttl <duration>', 'how long it is good; 0 for ever', '24h')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/token.ts')).createToken(options));
tokenCommand('list', 'List tokens, without their secrets')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/token.ts')).listTokens(options));
tokenCommand('delete', 'Delete tokens')
  .argument('<token...>', 'ids or whole tokens')
  .action(async (ids, options) => (await import('./commands/token.ts')).deleteTokens(ids, options));

clusterCommand('kubeconfig', 'Print a kubeconfig, for the administrator or another user')
  .option('--user <name>', 'make a certificate for this user')
  .option('--group <group...>', 'groups of the user')
  .action(async (options) => (await import('./commands/kubeconfig.ts')).kubeconfig(options));

clusterCommand('doctor', 'Look at the machine and the cluster, and say what to do about what is found')
  .option('--cis', 'the checks of the CIS Kubernetes Benchmark that apply, instead')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/doctor.ts')).doctor(options));

program
  .command('version')
  .description('Versions of Timonel and of the Kubernetes API')
  .addOption(outputOption())
  .action(async (options) => (await import('./commands/version.ts')).version(options));

program
  .command('run-server', { hidden: true })
  .requiredOption('--data-dir <dir>')
  .action(async (options) => (await import('../cluster/server-process.ts')).runServerProcess(options.dataDir));
program
  .command('run-agent', { hidden: true })
  .requiredOption('--data-dir <dir>')
  .action(async (options) => (await import('../cluster/agent-process.ts')).runAgentProcess(options.dataDir));

try {
  await program.parseAsync(process.argv);
} catch (error) {
  const format = process.argv.some(
    (arg, i) => arg === '--output=json' || ((arg === '-o' || arg === '--output') && process.argv[i + 1] === 'json'),
  )
    ? 'json'
    : 'text';
  if (error instanceof CommanderError) {
    // Commander has printed the mistake itself; help and version are no mistakes.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof UserError) {
    printError(error.message, format);
    process.exitCode = error.exitCode;
  } else {
    printError(process.env['TIMONEL_DEBUG'] ? `${(error as Error).stack}` : `${(error as Error).message}`, format);
    process.exitCode = 1;
  }
}
