/** The assertions that the suites use. @public */
export interface SuiteMatchers {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toBeGreaterThan(n: number): void;
  toBeGreaterThanOrEqual(n: number): void;
  toBeLessThan(n: number): void;
  toBeLessThanOrEqual(n: number): void;
}

/**
 * A test runner, as far as the suites need one: vitest, Jest, Bun and others have these three. The suites import none of them.
 * @public
 */
export interface SuiteRunner {
  describe(name: string, fn: () => void): void;
  it(name: string, fn: () => void): void;
  expect(value: unknown, message?: string): SuiteMatchers;
}
