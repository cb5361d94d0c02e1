/** Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats */
type Labels = Record<string, string | number>;

const escaped = (value: string | number) =>
  String(value).replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

const keyOf = (labels: Labels) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');

const line = (name: string, key: string, value: number) => `${name}${key === '' ? '' : `{${key}}`} ${value}`;

interface Metric {
  render(): string[];
}

const registry = new Map<string, { type: string; help: string; metric: Metric }>();

function register<M extends Metric>(name: string, type: string, help: string, metric: M): M {
  if (registry.has(name)) throw new Error(`the metric ${name} exists already`);
  registry.set(name, { type, help, metric });
  return metric;
}

export class Counter implements Metric {
  private readonly values = new Map<string, number>();

  constructor(private readonly name: string) {}

  add(labels: Labels = {}, amount = 1): void {
    const key = keyOf(labels);
    this.values.set(key, (this.values.get(key) ?? 0) + amount);
  }

  render(): string[] {
    return [...this.values].map(([key, value]) => line(this.name, key, value));
  }
}

export class Gauge implements Metric {
  private readonly values = new Map<string, number>();

  constructor(private readonly name: string) {}

  set(value: number, labels: Labels = {}): void {
    this.values.set(keyOf(labels), value);
  }

  render(): string[] {
    return [...this.values].map(([key, value]) => line(this.name, key, value));
  }
}

export class Histogram implements Metric {
  private readonly series = new Map<string, { counts: number[]; sum: number; count: number }>();

  constructor(
    private readonly name: string,
    private readonly bounds: readonly number[],
  ) {}

  observe(value: number, labels: Labels = {}): void {
    const key = keyOf(labels);
    const series = this.series.get(key) ?? { counts: this.bounds.map(() => 0), sum: 0, count: 0 };
    this.series.set(key, series);
    series.sum += value;
    series.count += 1;
    this.bounds.forEach((bound, i) => {
      if (value <= bound) series.counts[i] = (series.counts[i] ?? 0) + 1;
    });
  }

  render(): string[] {
    return [...this.series].flatMap(([key, { counts, sum, count }]) => {
      const labels = key === '' ? '' : `${key},`;
      return [
        ...this.bounds.map((bound, i) => line(`${this.name}_bucket`, `${labels}le="${bound}"`, counts[i] ?? 0)),
        line(`${this.name}_bucket`, `${labels}le="+Inf"`, count),
        line(`${this.name}_sum`, key, sum),
        line(`${this.name}_count`, key, count),
      ];
    });
  }
}

/** Seconds, from what a cache answers to what a long film takes. */
const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

export const counter = (name: string, help: string) => register(name, 'counter', help, new Counter(name));
export const gauge = (name: string, help: string) => register(name, 'gauge', help, new Gauge(name));
export const histogram = (name: string, help: string, bounds: readonly number[] = SECONDS) =>
  register(name, 'histogram', help, new Histogram(name, bounds));

const memory = gauge('tessera_resident_memory_bytes', 'Resident memory of this process.');

type Collect = () => Promise<void>;
const collectors = new Set<Collect>();

/** Calls `collect` before metrics are read, so that gauges are up to date; until the returned function is called. */
export function collectMetrics(collect: Collect): () => void {
  collectors.add(collect);
  return () => void collectors.delete(collect);
}

/** All metrics of this process. What could not be asked for keeps its last value. */
export async function renderMetrics(): Promise<string> {
  await Promise.allSettled([...collectors].map((collect) => collect()));
  memory.set(process.memoryUsage.rss());
  const lines = [...registry].flatMap(([name, { type, help, metric }]) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...metric.render(),
  ]);
  return `${lines.join('\n')}\n`;
}
