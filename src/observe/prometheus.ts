/**
 * The text format 0.0.4 of Prometheus. Its library for Node (prom-client 15) takes 64 to 124 ms to load and
 * 18 MiB of memory, at every start, before the first message: more than all of this server's own code.
 */

/** Something with one name in the text format. */
export interface Family {
  text(): string;
}

/** The values of the labels as one key; none of them holds this character. */
const BETWEEN = "\n";

/** One number of a counter. */
export interface Series {
  value: number;
}

/** A number that only grows, for each set of labels. */
export class Counter implements Family {
  readonly #series = new Map<string, Series>();

  /** Without labels it is there from the start. */
  constructor(readonly name: string, readonly help: string, readonly labels: readonly string[]) {
    if (labels.length === 0) this.series([]);
  }

  /** Adds. */
  add(values: readonly string[], by = 1): void {
    this.series(values).value += by;
  }

  /** The number of a set of labels, to be kept by who adds to it often. It is there from now on. */
  series(values: readonly string[]): Series {
    const key = values.join(BETWEEN);
    let series = this.#series.get(key);
    if (!series) this.#series.set(key, series = { value: 0 });
    return series;
  }

  text(): string {
    let text = head(this.name, this.help, "counter");
    for (const [key, { value }] of this.#series) {
      text += `${this.name}${braces(this.labels, key.split(BETWEEN))} ${value}\n`;
    }
    return text;
  }
}

/** The values of a histogram for one set of labels. */
export class Observed {
  readonly counts: number[];
  sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  /** Counts a value. */
  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && !(value <= bounds[bucket]!)) bucket++;
    counts[bucket]!++;
    this.sum += value;
  }
}

/** How often a value was at most so large, for each set of labels. */
export class Histogram implements Family {
  readonly #series = new Map<string, Observed>();
  readonly #bounds: readonly number[];
  readonly #labels: readonly string[];

  constructor(
    readonly name: string,
    readonly help: string,
    of: { bounds: readonly number[]; labels: readonly string[] },
  ) {
    this.#bounds = of.bounds;
    this.#labels = of.labels;
    if (of.labels.length === 0) this.series([]);
  }

  /** Counts a value. */
  observe(values: readonly string[], value: number): void {
    this.series(values).observe(value);
  }

  /** What is counted for a set of labels, to be kept by who adds to it often. It is there from now on. */
  series(values: readonly string[]): Observed {
    const key = values.join(BETWEEN);
    let series = this.#series.get(key);
    if (!series) this.#series.set(key, series = new Observed(this.#bounds));
    return series;
  }

  text(): string {
    let text = head(this.name, this.help, "histogram");
    const names = [...this.#labels, "le"];
    for (const [key, { counts, sum }] of this.#series) {
      const values = this.#labels.length === 0 ? [] : key.split(BETWEEN);
      let count = 0;
      for (const [i, more] of counts.entries()) {
        count += more;
        const bound = this.#bounds[i];
        text += `${this.name}_bucket${braces(names, [...values, String(bound ?? "+Inf")])} ${count}\n`;
      }
      const labels = braces(this.#labels, values);
      text += `${this.name}_sum${labels} ${sum}\n${this.name}_count${labels} ${count}\n`;
    }
    return text;
  }
}

/** The two lines above a family. */
export function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** The labels of a value. */
export function braces(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return "";
  return `{${names.map((name, i) => `${name}="${escapeLabel(values[i] ?? "")}"`).join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}
