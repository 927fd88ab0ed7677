/** Runs the probes of this node's containers on their schedules and keeps what they say. */
import type { Shared } from '../../api/kind.ts';
import type { Container, Pod, Probe } from '../../api/types/core-v1.ts';
import type { Timer } from '../../base/clock.ts';
import type { KubeletContext } from '../context.ts';
import { containerFieldPath } from '../images/image-puller.ts';
import type { ProbeVerdict } from '../pods/actions.ts';
import { latestContainer, type RuntimeContainer, type RuntimePod } from '../pods/pod-runtime.ts';
import { type ProbeAnswer, runProbe } from './probe-run.ts';
import type { ProbeCount, Probes } from './probes.ts';

type ProbeKind = 'startup' | 'readiness' | 'liveness';

const field = { startup: 'startupProbe', readiness: 'readinessProbe', liveness: 'livenessProbe' } as const;
const title = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' } as const;

/** One probe of one container that runs. */
interface Job {
  readonly pod: Shared<Pod>;
  readonly podUid: string;
  readonly container: Shared<Container>;
  readonly containerId: string;
  readonly kind: ProbeKind;
  readonly probe: Shared<Probe>;
  podIp: string;
  verdict: ProbeVerdict;
  /** Answers of the same kind in a row. */
  run: { ok: boolean; length: number };
  timer: Timer | undefined;
  ended: boolean;
}

/** Tries of one probe before its failure counts, when it could not be asked. */
const maxTries = 3;

export class Prober implements Probes {
  readonly #jobs = new Map<string, Job>();
  /** By pod, then by container and kind. */
  readonly #counts = new Map<string, Map<string, ProbeCount>>();
  readonly #context: KubeletContext;
  readonly #onChange: (podUid: string) => void;
  readonly #startedAt: number;

  /** @param onChange called with the pod whose container became ready, unready, started or failed */
  constructor(context: KubeletContext, onChange: (podUid: string) => void) {
    this.#context = context;
    this.#onChange = onChange;
    this.#startedAt = context.clock.now();
  }

  sync(pod: Shared<Pod>, current: RuntimePod): void {
    const uid = pod.metadata.uid!;
    const wanted = new Set<string>();
    const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
    for (const container of [...sidecars, ...pod.spec.containers]) {
      const running = latestContainer(current, container.name);
      if (running?.state !== 'running') continue;
      for (const kind of ['startup', 'readiness', 'liveness'] as const) {
        const probe = container[field[kind]];
        if (!probe) continue;
        const key = `${running.id}/${kind}`;
        wanted.add(key);
        const job = this.#jobs.get(key);
        const podIp = (pod.spec.hostNetwork ? this.#context.settings.nodeIps[0] : current.sandboxes[0]?.ips[0]) ?? '';
        if (job) job.podIp = podIp;
        else this.#begin(key, { pod, podUid: uid, container, running, kind, probe, podIp });
      }
    }
    for (const [key, job] of this.#jobs) if (job.podUid === uid && !wanted.has(key)) this.#end(key, job);
  }

  liveness(containerId: string): ProbeVerdict {
    return this.#jobs.get(`${containerId}/liveness`)?.verdict ?? 'unknown';
  }

  startup(containerId: string): ProbeVerdict {
    return this.#jobs.get(`${containerId}/startup`)?.verdict ?? 'unknown';
  }

  readiness(containerId: string): ProbeVerdict {
    return this.#jobs.get(`${containerId}/readiness`)?.verdict ?? 'unknown';
  }

  isStarted(pod: Shared<Pod>, container: RuntimeContainer): boolean {
    if (container.state !== 'running') return false;
    return specOf(pod, container.name)?.startupProbe ? this.startup(container.id) === 'success' : true;
  }

  isReady(pod: Shared<Pod>, container: RuntimeContainer): boolean {
    if (!this.isStarted(pod, container)) return false;
    return specOf(pod, container.name)?.readinessProbe ? this.readiness(container.id) === 'success' : true;
  }

  stopLiveness(podUid: string): void {
    for (const [key, job] of this.#jobs) {
      if (job.podUid === podUid && job.kind !== 'readiness') {
        // The verdict stays: a pod that ends does not become "not started".
        job.timer?.cancel();
        job.ended = true;
        this.#jobs.set(key, { ...job, verdict: job.kind === 'liveness' ? 'success' : job.verdict });
      }
    }
  }

  counts(): ProbeCount[] {
    return [...this.#counts.values()].flatMap((ofPod) => [...ofPod.values()]);
  }

  remove(podUid: string): void {
    this.#counts.delete(podUid);
    for (const [key, job] of this.#jobs) if (job.podUid === podUid) this.#end(key, job);
  }

  close(): void {
    for (const [key, job] of this.#jobs) this.#end(key, job);
  }

  #begin(
    key: string,
    wish: {
      pod: Shared<Pod>;
      podUid: string;
      container: Shared<Container>;
      running: RuntimeContainer;
      kind: ProbeKind;
      probe: Shared<Probe>;
      podIp: string;
    },
  ): void {
    const { clock, random } = this.#context;
    const { running, kind, probe, ...rest } = wish;
    const job: Job = {
      ...rest,
      kind,
      probe,
      containerId: running.id,
      verdict: this.#initialVerdict(wish),
      run: { ok: true, length: 0 },
      timer: undefined,
      ended: false,
    };
    this.#jobs.set(key, job);
    const adopted = running.startedAt < this.#startedAt;
    // After a restart of the agent the probes of a node's pods would else all run at the same moments.
    const spreadMs = adopted ? random.next() * (probe.periodSeconds ?? 10) * 1000 : 0;
    const untilDue = running.startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now();
    job.timer = clock.after(Math.max(spreadMs, untilDue), () => void this.#tick(key, job));
  }

  /** An adopted container is what the API says it was, until its probe says otherwise. */
  #initialVerdict(wish: { pod: Shared<Pod>; running: RuntimeContainer; kind: ProbeKind }): ProbeVerdict {
    if (wish.kind === 'liveness') return 'success';
    const { containerStatuses = [], initContainerStatuses = [] } = wish.pod.status;
    const known = [...containerStatuses, ...initContainerStatuses].find((status) =>
      status.containerID?.endsWith(`/${wish.running.id}`),
    );
    if (wish.kind === 'startup') return known?.started ? 'success' : 'unknown';
    return known?.ready ? 'success' : 'failure';
  }

  async #tick(key: string, job: Job): Promise<void> {
    const { clock } = this.#context;
    if (job.ended) return;
    const periodMs = (job.probe.periodSeconds ?? 10) * 1000;
    const start = clock.monotonic();
    if (this.#applies(job)) {
      const answer = await this.#ask(job);
      if (job.ended || this.#jobs.get(key) !== job) return;
      this.#note(job, answer);
      // A failed liveness or startup probe has said all: the container is about to be replaced.
      if (job.kind !== 'readiness' && job.verdict === 'failure') return;
      // A container that has started once has started.
      if (job.kind === 'startup' && job.verdict === 'success') return;
    }
    job.timer = clock.after(Math.max(0, periodMs - (clock.monotonic() - start)), () => void this.#tick(key, job));
  }

  /** Liveness and readiness wait for the startup probe. */
  #applies(job: Job): boolean {
    if (job.kind === 'startup') return job.verdict !== 'success';
    return !job.container.startupProbe || this.startup(job.containerId) === 'success';
  }

  async #ask(job: Job): Promise<ProbeAnswer> {
    const { runtime } = this.#context;
    let answer: ProbeAnswer = { ok: false, output: '' };
    for (let tries = 0; tries < maxTries; tries++) {
      const { pod, container, containerId, podIp } = job;
      answer = await runProbe(job.probe, { pod, container, containerId, podIp, runtime });
      if (answer.ok || job.ended || !answer.unknown) break;
    }
    return answer;
  }

  #count({ pod, podUid, container, kind }: Job, ok: boolean): void {
    const ofPod = this.#counts.get(podUid) ?? new Map<string, ProbeCount>();
    this.#counts.set(podUid, ofPod);
    const key = `${container.name}/${kind}`;
    const fresh = { pod, container: container.name, kind: title[kind], results: { successful: 0, failed: 0 } };
    const count = ofPod.get(key) ?? fresh;
    ofPod.set(key, count);
    count.results[ok ? 'successful' : 'failed']++;
  }

  #note(job: Job, answer: ProbeAnswer): void {
    if (!answer.unknown) this.#count(job, answer.ok);
    const { events } = this.#context;
    const details = { fieldPath: containerFieldPath(job.pod, job.container.name) };
    if (answer.unknown) {
      const message = `${title[job.kind]} probe errored and resulted in unknown state: ${answer.output}`;
      events.event(job.pod as never, 'Warning', 'Unhealthy', message, details);
      return;
    }
    if (!answer.ok) {
      events.event(
        job.pod as never,
        'Warning',
        'Unhealthy',
        `${title[job.kind]} probe failed: ${answer.output.trimEnd()}`,
        details,
      );
    } else if (answer.warning) {
      events.event(
        job.pod as never,
        'Warning',
        'ProbeWarning',
        `${title[job.kind]} probe warning: ${answer.output}`,
        details,
      );
    }
    job.run = job.run.ok === answer.ok ? { ok: answer.ok, length: job.run.length + 1 } : { ok: answer.ok, length: 1 };
    const threshold = answer.ok ? (job.probe.successThreshold ?? 1) : (job.probe.failureThreshold ?? 3);
    if (job.run.length < threshold) return;
    const verdict = answer.ok ? 'success' : 'failure';
    if (job.verdict === verdict) return;
    job.verdict = verdict;
    this.#onChange(job.podUid);
    if (job.kind === 'startup' && verdict === 'success') this.#startOthers(job);
  }

  /** The other probes of a container need not wait a period more once it has started. */
  #startOthers(started: Job): void {
    for (const kind of ['readiness', 'liveness'] as const) {
      const key = `${started.containerId}/${kind}`;
      const job = this.#jobs.get(key);
      if (!job || kind === 'liveness') continue;
      job.timer?.cancel();
      job.timer = this.#context.clock.after(0, () => void this.#tick(key, job));
    }
  }

  #end(key: string, job: Job): void {
    job.ended = true;
    job.timer?.cancel();
    this.#jobs.delete(key);
  }
}

function specOf(pod: Shared<Pod>, name: string): Shared<Container> | undefined {
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((container) => container.name === name);
}
