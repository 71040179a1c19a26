/**
 * How a script went.
 * @public
 */
export interface ScriptResult {
  /** `skipped`: it asks for something that is not here, and says nothing about the stack. */
  readonly status: 'passed' | 'failed' | 'skipped';
  /** File, as it was given. */
  readonly file: string;
  /** Line of the event that failed or could not be run; 0 if it passed. */
  readonly line: number;
  /** What went wrong, in one line; '' if nothing did. */
  readonly message: string;
  /** What the script expected, in its own words. */
  readonly expected: string;
  /** What came, in the same words. */
  readonly actual: string;
  /** The packets and calls around it, the oldest first. */
  readonly exchange: readonly string[];
  /** Mismatches that the script allows (`--non_fatal`). */
  readonly warnings: readonly string[];
  /** Virtual time that passed, µs. */
  readonly elapsedUs: number;
  /** The packets as pcapng, if asked for. */
  readonly pcap: Uint8Array | null;
}

/**
 * A result as a text of several lines, as the program prints it: file, line, what was expected and what came, and the exchange around it.
 * @public
 */
export function renderResult(r: ScriptResult): string {
  const where = r.line > 0 ? `${r.file}:${r.line}` : r.file;
  const lines = r.status === 'passed' ? [`${where}: passed`] : [`${where}: ${r.status === 'skipped' ? 'skipped: ' : ''}${r.message}`];
  if (r.expected !== '') lines.push(`  expected  ${r.expected}`);
  if (r.actual !== '') lines.push(`  came      ${r.actual}`);
  for (const w of r.warnings) lines.push(`  warning   ${w}`);
  if (r.status === 'failed' && r.exchange.length > 0) lines.push('  exchange:', ...r.exchange.map((x) => `    ${x}`));
  return lines.join('\n');
}
