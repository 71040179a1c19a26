/**
 * The code of documentation, as modules that can be checked and run.
 *
 * A page's blocks of `ts` are one module, each on the lines where it stands in the page, so that errors name lines of the page. Blocks `ts ignore` are for reading only. A comment `// => value` after a
 * statement asserts what its expression gives (of `const x = ...`: what x is); `// => throws 'text'` that it throws an error with this text in its message. After the value may stand `: words` or `, words`.
 */
import ts from 'typescript';

/** The blocks of code in Markdown: `{ line, code }`, lines from 0. `strip` is what stands in front of each line. */
export function markdownBlocks(text, firstLine = 0) {
  const blocks = [];
  let block = null;
  text.split('\n').forEach((line, i) => {
    if (block === null) {
      const fence = /^```(\w+)(.*)$/.exec(line);
      if (fence === null) return;
      block = { info: `${fence[1]}${fence[2]}`.trim(), line: firstLine + i + 1, lines: [] };
    } else if (/^```\s*$/.test(line)) {
      if (block.info === 'ts') blocks.push({ line: block.line, code: block.lines.join('\n') });
      block = null;
    } else block.lines.push(line);
  });
  if (block !== null) throw new Error(`line ${block.line}: a block of code that does not end`);
  return blocks;
}

/** The blocks of code in the comment that has `@packageDocumentation`; none if the file has no such comment. */
export function packageDocBlocks(source) {
  for (const m of source.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    if (!m[0].includes('@packageDocumentation')) continue;
    const first = source.slice(0, m.index).split('\n').length - 1;
    return markdownBlocks(m[0].split('\n').map((l) => l.replace(/^\s*\* ?/, '')).join('\n'), first);
  }
  return [];
}

/** The blocks of a file: a page, or a source file with `@packageDocumentation`. */
export const blocksOf = (file, text) => (file.endsWith('.md') ? markdownBlocks(text) : packageDocBlocks(text));

/** Blocks as one module, each on its lines; ends with `export {}` so that it is one. */
export function moduleOf(blocks) {
  const lines = [];
  for (const { line, code } of blocks) {
    while (lines.length < line) lines.push('');
    lines.push(...code.split('\n'));
  }
  return `${lines.join('\n')}\nexport {};\n`;
}

/**
 * The module with its `// =>` comments turned into calls, on the same lines: `$is(actual, expected, line)` and `$throws(() => actual, text, line)`. Throws with a line for a comment that stands behind no expression or has no value.
 */
export function withAssertions(code) {
  const file = ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2022, true);
  const edits = [];
  const seen = new Set();
  const visit = (node) => {
    const claim = claimOf(node, code);
    if (claim !== null && !seen.has(claim.pos)) {
      seen.add(claim.pos);
      edits.push(...editsFor(node, claim, code));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const m of code.matchAll(/\/\/ =>/g)) if (!seen.has(m.index)) throw new Error(`line ${lineOf(code, m.index)}: // => does not follow a statement with a value`);
  let out = code;
  for (const e of edits.sort((a, b) => b.at - a.at || b.order - a.order)) out = out.slice(0, e.at) + e.text + out.slice(e.at);
  return out;
}

const lineOf = (code, at) => code.slice(0, at).split('\n').length;

/** The claim behind a statement: where its comment begins, and its text. Null if there is none. */
function claimOf(node, code) {
  const ok = ts.isExpressionStatement(node) || (ts.isVariableStatement(node) && node.declarationList.declarations.length === 1 && node.declarationList.declarations[0].initializer !== undefined);
  if (!ok) return null;
  const m = /^[ \t]*(\/\/ => ?)(.*)/.exec(code.slice(node.end));
  return m === null ? null : { pos: node.end + m[0].indexOf('//'), text: m[2] };
}

function editsFor(node, claim, code) {
  const thrown = /^throws (.*)$/.exec(claim.text);
  const value = literal(thrown === null ? claim.text : thrown[1]);
  if (value === null) throw new Error(`line ${lineOf(code, claim.pos)}: cannot read the value in '// => ${claim.text}'`);
  const line = lineOf(code, claim.pos);
  if (ts.isVariableStatement(node)) return [{ at: node.end, order: 0, text: ` $is(${node.declarationList.declarations[0].name.getText()}, ${value}, ${line});` }];
  const { expression } = node;
  const open = thrown === null ? '$is((' : '$throws(() => (';
  return [{ at: expression.getStart(), order: 0, text: open }, { at: expression.end, order: 1, text: `), ${value}, ${line})` }];
}

/** The value at the beginning of a comment, as source text: all of it, or what stands before `: words`, `, words` or ` (words)`. Null if there is none. */
export function literal(text) {
  const ends = [text.length, ...[...text.matchAll(/ ?: |, | \(/g)].map((m) => m.index).reverse()];
  for (const end of ends) {
    const candidate = text.slice(0, end).trim();
    if (candidate !== '' && isValue(candidate)) return candidate;
  }
  return null;
}

/** Whether a text is one expression made of literals. */
function isValue(text) {
  const file = ts.createSourceFile('value.ts', `(${text});`, ts.ScriptTarget.ES2022, true);
  if (file.parseDiagnostics.length > 0 || file.statements.length !== 1) return false;
  const [only] = file.statements;
  return ts.isExpressionStatement(only) && ts.isParenthesizedExpression(only.expression) && isLiteral(only.expression.expression);
}

function isLiteral(node) {
  switch (node.kind) {
    case ts.SyntaxKind.StringLiteral: case ts.SyntaxKind.NoSubstitutionTemplateLiteral: case ts.SyntaxKind.NumericLiteral: case ts.SyntaxKind.BigIntLiteral:
    case ts.SyntaxKind.TrueKeyword: case ts.SyntaxKind.FalseKeyword: case ts.SyntaxKind.NullKeyword: return true;
    case ts.SyntaxKind.Identifier: return node.text === 'undefined';
    case ts.SyntaxKind.PrefixUnaryExpression: return isLiteral(node.operand);
    case ts.SyntaxKind.ArrayLiteralExpression: return node.elements.every(isLiteral);
    case ts.SyntaxKind.ObjectLiteralExpression: return node.properties.every((p) => ts.isPropertyAssignment(p) && isLiteral(p.initializer));
    default: return false;
  }
}
