/** Kinds of tokens of code. */
export type CodeTokenKind = 'number' | 'name' | 'string' | 'op' | 'end';

/** A piece of code. `end` ends a statement. */
export interface CodeToken {
  readonly kind: CodeTokenKind;
  readonly text: string;
}

/** A mistake in code, or something that is not understood. */
export class CodeError extends Error {}

const RULES: readonly (readonly [CodeTokenKind, RegExp])[] = [
  ['number', /0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?/y],
  ['name', /[A-Za-z_][A-Za-z_0-9]*/y],
  ['string', /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y],
  ['op', /\*\*|\/\/|<<=|>>=|<<|>>|<=|>=|==|!=|[-+*/%&|^]=|[-+*/%&|^~<>=(),.]/y],
];

/** Splits Python into tokens: statements end at a line break outside of parentheses, or at `;`. */
export function codeTokens(text: string): CodeToken[] {
  const out: CodeToken[] = [];
  let depth = 0;
  let at = 0;
  const endStatement = (): void => {
    if (out.length > 0 && out[out.length - 1]?.kind !== 'end') out.push({ kind: 'end', text: '' });
  };
  while (at < text.length) {
    const c = text[at] as string;
    // A line that is continued; the last one may be too.
    if (c === '\\' && /^\\(?:\r?\n|$)/.test(text.slice(at, at + 3))) at = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at) + 1;
    else if (c === '#') at = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at);
    else if (c === ' ' || c === '\t' || c === '\r') at++;
    else if (c === '\n' || c === ';') {
      if (depth === 0 || c === ';') endStatement();
      at++;
    } else {
      const token = match(text, at);
      depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0;
      out.push(token);
      at += token.text.length;
    }
  }
  endStatement();
  return out;
}

function match(text: string, at: number): CodeToken {
  for (const [kind, re] of RULES) {
    re.lastIndex = at;
    const m = re.exec(text);
    if (m !== null) return { kind, text: m[0] };
  }
  throw new CodeError(`character '${text[at] ?? ''}' is not understood`);
}
