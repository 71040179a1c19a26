/** A command line after splitting, or what is wrong with it. @public */
export type WordsResult = { readonly ok: true; readonly pipeline: readonly (readonly string[])[] } | { readonly ok: false; readonly message: string };

/** What a backslash may quote inside double quotes. Source: POSIX shell §2.2.3. */
const QUOTED_IN_DOUBLE = '"\\$`';
/** Characters that mean something else to a shell. */
const METACHARACTERS = ';&<>()`\n\r';

/**
 * Splits a command line into words as sh(1) does, and at `|` into the commands of a pipeline. Single quotes, double quotes and backslashes
 * quote; a `#` at the start of a word begins a comment. There are no variables, globs, redirections or lists: what would mean one of these is refused, not misread.
 * @public
 */
export function splitWords(line: string): WordsResult {
  const pipeline: string[][] = [[]];
  let word: string | null = null;
  let i = 0;
  const bad = (message: string): WordsResult => ({ ok: false, message });
  const end = (): void => {
    if (word !== null) (pipeline[pipeline.length - 1] as string[]).push(word);
    word = null;
  };
  while (i < line.length) {
    const c = line[i] as string;
    if (c === ' ' || c === '\t' || ((c === '\n' || c === '\r') && /^\s*$/.test(line.slice(i)))) {
      end();
      i++;
    } else if (c === '#' && word === null) {
      break;
    } else if (c === '|') {
      if (line[i + 1] === '|') return bad("syntax error: '||' is not supported");
      end();
      if ((pipeline[pipeline.length - 1] as string[]).length === 0) return bad('syntax error: "|" unexpected');
      pipeline.push([]);
      i++;
    } else if (METACHARACTERS.includes(c)) {
      return bad(`syntax error: ${c === '\n' || c === '\r' ? 'newline' : `"${c}"`} unexpected`);
    } else if (c === "'" || c === '"') {
      const q: { text: string; next: number } | null = c === "'" ? singleQuoted(line, i + 1) : doubleQuoted(line, i + 1);
      if (q === null) return bad('syntax error: unterminated quoted string');
      word = (word ?? '') + q.text;
      i = q.next;
    } else if (c === '\\') {
      if (i + 1 >= line.length) return bad('syntax error: backslash at the end of the line');
      word = (word ?? '') + (line[i + 1] as string);
      i += 2;
    } else {
      word = (word ?? '') + c;
      i++;
    }
  }
  end();
  if (pipeline.length > 1 && (pipeline[pipeline.length - 1] as string[]).length === 0) return bad('syntax error: end of line unexpected');
  return { ok: true, pipeline };
}

function singleQuoted(line: string, from: number): { text: string; next: number } | null {
  const close = line.indexOf("'", from);
  return close < 0 ? null : { text: line.slice(from, close), next: close + 1 };
}

function doubleQuoted(line: string, from: number): { text: string; next: number } | null {
  let text = '';
  for (let i = from; i < line.length; i++) {
    const c = line[i] as string;
    if (c === '"') return { text, next: i + 1 };
    if (c === '\\' && QUOTED_IN_DOUBLE.includes(line[i + 1] ?? ' ')) {
      text += line[i + 1] as string;
      i++;
    } else {
      text += c;
    }
  }
  return null;
}
