/** Evaluating a pod against a level of the standards, and reading levels from a namespace's labels. */
import { type FieldError, invalid } from '../../../api/machinery/field-error.ts';
import { baselineControls } from './baseline.ts';
import type { CheckedPod, Control, Violation } from './check.ts';
import { overridden, restrictedControls } from './restricted.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

export interface LevelVersion {
  readonly level: Level;
  /** Minor version; Infinity is `latest`. */
  readonly version: number;
}

export type Mode = 'enforce' | 'audit' | 'warn';

export type PodSecurityPolicy = Readonly<Record<Mode, LevelVersion>>;

const prefix = 'pod-security.kubernetes.io/';
const levels: readonly string[] = ['privileged', 'baseline', 'restricted'];

/** `restricted:latest`, `baseline:v1.31`. */
export const levelText = ({ level, version }: LevelVersion): string =>
  `${level}:${version === Number.POSITIVE_INFINITY ? 'latest' : `v1.${version}`}`;

/** The minor version of `latest` or `v1.N`; undefined for anything else. */
export function parseVersion(text: string): number | undefined {
  if (text === 'latest') return Number.POSITIVE_INFINITY;
  const match = /^v1\.(0|[1-9]\d*)$/.exec(text);
  return match ? Number(match[1]) : undefined;
}

/**
 * The policy that labels ask for, with the defaults for what they leave open, and what is wrong with them. A label that
 * cannot be read counts as restricted for enforcing, as upstream has it.
 */
export function policyOfLabels(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: PodSecurityPolicy,
): { policy: PodSecurityPolicy; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const read = (mode: Mode): LevelVersion => {
    let { level, version } = defaults[mode];
    const levelLabel = labels?.[`${prefix}${mode}`];
    const versionLabel = labels?.[`${prefix}${mode}-version`];
    if (levelLabel !== undefined) {
      if (levels.includes(levelLabel)) level = levelLabel as Level;
      else {
        errors.push(
          invalid(`metadata.labels[${prefix}${mode}]`, levelLabel, 'must be one of privileged, baseline, restricted'),
        );
        level = mode === 'enforce' ? 'restricted' : 'privileged';
      }
    }
    if (versionLabel !== undefined) {
      const parsed = parseVersion(versionLabel);
      if (parsed === undefined) {
        errors.push(invalid(`metadata.labels[${prefix}${mode}-version]`, versionLabel, 'must be "latest" or "v1.x"'));
        version = Number.POSITIVE_INFINITY;
      } else version = parsed;
    }
    return { level, version };
  };
  return { policy: { enforce: read('enforce'), audit: read('audit'), warn: read('warn') }, errors };
}

const plans = new Map<string, readonly Control[]>();

/** The controls of a level as of a version, baseline's first. */
function plan(target: LevelVersion): readonly Control[] {
  const key = levelText(target);
  let found = plans.get(key);
  if (!found) {
    const asOf = (controls: readonly Control[]) => {
      const byId = new Map<string, Control>();
      for (const control of controls) if (control.since <= target.version) byId.set(control.id, control);
      return byId;
    };
    const baseline = asOf(baselineControls);
    const restricted = target.level === 'restricted' ? asOf(restrictedControls) : new Map<string, Control>();
    for (const [id, by] of Object.entries(overridden)) if (restricted.has(by)) baseline.delete(id);
    found = [...baseline.values(), ...restricted.values()];
    plans.set(key, found);
  }
  return found;
}

/** What a pod violates; nothing for privileged. */
export function violations(pod: CheckedPod, target: LevelVersion): Violation[] {
  if (target.level === 'privileged') return [];
  return plan(target).flatMap((control) => control.check(pod) ?? []);
}

/** `privileged (container "a" must not set …), hostPort (…)`. */
export const violationText = (found: readonly Violation[]): string =>
  found.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(', ');
