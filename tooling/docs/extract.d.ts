/** A block of code: the line where it begins, from 0, and its text. */
export interface CodeBlock {
  readonly line: number;
  readonly code: string;
}
export function markdownBlocks(text: string, firstLine?: number): CodeBlock[];
export function packageDocBlocks(source: string): CodeBlock[];
