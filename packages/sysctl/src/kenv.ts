import { parseInteger } from './number.ts';

/**
 * The boot environment of a kernel: tunables by name, fixed when the kernel is made. Source: FreeBSD kern_environment.c.
 *
 * Integers may be decimal, octal (`0…`) or hexadecimal (`0x…`) with a factor of `k`, `m`, `g` or `t` (1024 and its powers).
 * @public
 */
export class Kenv {
  private readonly vars: ReadonlyMap<string, string>;

  constructor(vars: Readonly<Record<string, string>> = {}) {
    this.vars = new Map(Object.entries(vars));
  }

  /** Text of a tunable, or null. Source: kern_getenv(). */
  get(name: string): string | null {
    return this.vars.get(name) ?? null;
  }

  /** Integer value of a tunable; `otherwise` if it is not set or not an integer. Source: TUNABLE_INT_FETCH. */
  int(name: string, otherwise: number): number {
    const text = this.get(name);
    return text === null ? otherwise : (parseTunable(text) ?? otherwise);
  }

  /** Text of a tunable, `otherwise` if it is not set. Source: TUNABLE_STR_FETCH. */
  str(name: string, otherwise: string): string {
    return this.get(name) ?? otherwise;
  }

  /** Name and text of each, in the order given: what kenv(1) lists. */
  entries(): [name: string, text: string][] {
    return [...this.vars];
  }
}

const FACTOR: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Integer with an optional factor, or null. Source: getenv_quad(). */
export function parseTunable(text: string): number | null {
  const factor = FACTOR[text.slice(-1).toLowerCase()];
  if (factor === undefined) return parseInteger(text);
  const n = parseInteger(text.slice(0, -1));
  return n === null ? null : n * factor;
}
