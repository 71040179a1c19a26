/** The assertions that the suites use. @public */
export interface SuiteMatchers {
  /** Identity, as Object.is. */
  toBe(expected: unknown): void;
  /** Deep equality. */
  toEqual(expected: unknown): void;
  /** Strictly more. */
  toBeGreaterThan(n: number): void;
  /** As much or more. */
  toBeGreaterThanOrEqual(n: number): void;
  /** Strictly less. */
  toBeLessThan(n: number): void;
  /** As much or less. */
  toBeLessThanOrEqual(n: number): void;
}

/**
 * A test runner, as far as the suites need one: vitest, Jest, Bun and others have these three. The suites import none of them.
 * @public
 */
export interface SuiteRunner {
  /** Groups tests. */
  describe(name: string, fn: () => void): void;
  /** One test; it fails if `fn` throws, or if the promise that it gives is rejected. */
  it(name: string, fn: () => void | Promise<void>): void;
  /** Begins an assertion; `message` says what about. */
  expect(value: unknown, message?: string): SuiteMatchers;
}
