/** Ends a run: the script asks for something that did not happen. */
export class ScriptFailure extends Error {
  readonly line: number;
  /** What was expected, in the script's words; '' if that is clear. */
  readonly expected: string;
  /** What came. */
  readonly actual: string;

  constructor(line: number, message: string, expected: string = '', actual: string = '') {
    super(message);
    this.name = 'ScriptFailure';
    this.line = line;
    this.expected = expected;
    this.actual = actual;
  }
}

/** Ends a run: the script asks for something that cannot be done here. */
export class CannotRun extends Error {
  readonly line: number;

  constructor(line: number, reason: string) {
    super(reason);
    this.name = 'CannotRun';
    this.line = line;
  }
}
