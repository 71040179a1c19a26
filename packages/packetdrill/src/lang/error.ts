/**
 * What is wrong with a script, and where. The only thing that the parser throws.
 * @public
 */
export class ScriptSyntaxError extends Error {
  /** Line in the script, from 1. */
  readonly line: number;
  /** Column in that line, from 1. */
  readonly column: number;

  constructor(line: number, column: number, message: string) {
    super(message);
    this.name = 'ScriptSyntaxError';
    this.line = line;
    this.column = column;
  }
}
