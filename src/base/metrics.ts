/**
 * Counters, gauges and histograms in the Prometheus text format (version 0.0.4). Names and labels follow upstream's
 * where they mean the same.
 */

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  write(out: string[]): void;
}

/** Only goes up. */
export interface Counter {
  inc(labels?: Labels, by?: number): void;
  /** The counter of one label set, for hot paths: counting costs an addition. */
  with(labels: Labels): { inc(by?: number): void };
  get(labels?: Labels): number;
}

/** Goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
  add(by: number, labels?: Labels): void;
  get(labels?: Labels): number;
}

/** Counts observations in buckets. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
  /** The histogram of one label set, for hot paths. */
  with(labels: Labels): { observe(value: number): void };
  /** An estimate of the quantile (0 to 1) over all label sets together; NaN without observations. */
  quantile(q: number): number;
}

function labelText(labels: Labels | undefined): string {
  if (!labels) return '';
  return Object.keys(labels)
    .map((key) => `${key}="${labels[key]!.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',');
}

const sample = (name: string, labels: string, value: number) => `${name}${labels ? `{${labels}}` : ''} ${value}`;

const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A set of metrics; one per process role, so that two clusters in one process do not mix theirs. */
export class MetricsRegistry {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string): Counter {
    return this.#scalar(name, help, 'counter');
  }

  gauge(name: string, help: string, collect?: (gauge: Gauge) => void): Gauge {
    return this.#scalar(name, help, 'gauge', collect);
  }

  histogram(name: string, help: string, buckets: readonly number[] = defaultBuckets): Histogram {
    const series = new Map<string, { counts: number[]; sum: number; count: number }>();
    const seriesOf = (labels: Labels | undefined) => {
      const key = labelText(labels);
      let s = series.get(key);
      if (!s) {
        s = { counts: new Array(buckets.length).fill(0), sum: 0, count: 0 };
        series.set(key, s);
      }
      return s;
    };
    const observeIn = (s: ReturnType<typeof seriesOf>, value: number) => {
      s.sum += value;
      s.count++;
      const at = buckets.findIndex((bound) => value <= bound);
      if (at >= 0) s.counts[at]!++;
    };
    this.#add({
      name,
      help,
      type: 'histogram',
      write(out) {
        for (const [labels, s] of series) {
          const prefix = labels ? `${labels},` : '';
          let total = 0;
          for (const [i, bound] of buckets.entries()) {
            total += s.counts[i]!;
            out.push(sample(`${name}_bucket`, `${prefix}le="${bound}"`, total));
          }
          out.push(sample(`${name}_bucket`, `${prefix}le="+Inf"`, s.count));
          out.push(sample(`${name}_sum`, labels, s.sum), sample(`${name}_count`, labels, s.count));
        }
      },
    });
    return {
      observe: (value, labels) => observeIn(seriesOf(labels), value),
      with(labels) {
        const s = seriesOf(labels);
        return { observe: (value) => observeIn(s, value) };
      },
      quantile(q) {
        let count = 0;
        for (const s of series.values()) count += s.count;
        if (count === 0) return Number.NaN;
        let seen = 0;
        for (const [i, bound] of buckets.entries()) {
          for (const s of series.values()) seen += s.counts[i]!;
          if (seen >= q * count) return bound;
        }
        return Number.POSITIVE_INFINITY;
      },
    };
  }

  /** All metrics as Prometheus text. */
  expose(): string {
    const out: string[] = [];
    for (const family of [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      out.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`);
      family.write(out);
    }
    return `${out.join('\n')}\n`;
  }

  #scalar(name: string, help: string, type: 'counter' | 'gauge', collect?: (gauge: Gauge) => void): Counter & Gauge {
    const cells = new Map<string, { value: number }>();
    const cellOf = (labels: Labels | undefined) => {
      const key = labelText(labels);
      let cell = cells.get(key);
      if (!cell) {
        cell = { value: 0 };
        cells.set(key, cell);
      }
      return cell;
    };
    const metric: Counter & Gauge = {
      inc(labels, by = 1) {
        cellOf(labels).value += by;
      },
      with(labels) {
        const cell = cellOf(labels);
        return {
          inc(by = 1) {
            cell.value += by;
          },
        };
      },
      add(by, labels) {
        cellOf(labels).value += by;
      },
      set(value, labels) {
        cellOf(labels).value = value;
      },
      get: (labels) => cells.get(labelText(labels))?.value ?? 0,
    };
    this.#add({
      name,
      help,
      type,
      write(out) {
        collect?.(metric);
        for (const [labels, { value }] of cells) out.push(sample(name, labels, value));
      },
    });
    return metric;
  }

  #add(family: Family): void {
    if (this.#families.has(family.name)) throw new Error(`metric ${family.name} is registered twice`);
    this.#families.set(family.name, family);
  }
}
