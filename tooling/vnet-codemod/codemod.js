/**
 * Moves the state that a file keeps in variables of its module into one per-vnet variable: the heir of FreeBSD's var_rename.tcl.
 *
 * Each module-level `let`, and each `const` that holds a new container (Map, Set, array, object), becomes a field of one class; one VnetVar holds an object of it in each vnet; and each mention of the variable becomes
 * `KEY.get(<vnet>).field`, where `<vnet>` is the first of the given expressions whose first name is a parameter or a local variable at that place. What cannot be converted stays as it is, so that the compiler
 * finds it again, and is reported.
 */
import ts from 'typescript';

/** Things that a destructor must give back, by the name of their type. */
const HELD = new Set(['Callout', 'Lease', 'EventTag', 'Mbuf', 'PfilHook', 'Socket']);
const CONTAINERS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Array']);

/**
 * @param {string} fileName for the report
 * @param {string} source
 * @param {{ module: string, vnet?: string[] }} options `module` as in its ModuleDecl; `vnet`: expressions that give the vnet
 * @returns {{ code: string, fields: string[], problems: { line: number, text: string }[], notes: { line: number, text: string }[] }}
 */
export function convert(fileName, source, { module, vnet = ['vnet'] }) {
  const { file, checker } = analyse(fileName, source);
  const found = collect(file, checker);
  const problems = found.problems.map((p) => report(file, p.node, p.text));
  if (found.fields.length === 0) return { code: source, fields: [], problems, notes: [] };
  const key = module.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
  const type = `${module.replace(/(^|[^a-z0-9]+)([a-z0-9])/gi, (_m, _sep, c) => c.toUpperCase())}Vnet`;
  const edits = [];
  for (const field of found.fields) for (const use of usesOf(file, checker, field.symbol, field.name)) edits.push(...editUse(use, field, { key, vnet, checker, file, problems, fields: found.fields }));
  edits.push(...declarations(file, source, found.fields, { key, type, module }));
  edits.push(...imports(file));
  const notes = found.fields.filter((f) => HELD.has(typeName(f.type))).map((f) => report(file, f.node, `'${f.name}' holds something (${typeName(f.type)}): let a destroy or an exit of the vnet give it back`));
  notes.push({ line: 0, text: `add ${key} to vnetVars of module '${module}'` });
  return { code: apply(source, edits), fields: found.fields.map((f) => f.name), problems: once(problems), notes };
}

/** In order of lines, each text once a line. */
const once = (reports) => [...new Map(reports.sort((a, b) => a.line - b.line).map((r) => [`${r.line} ${r.text}`, r])).values()];

const report = (file, node, text) => ({ line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1, text });

/** A program of this file alone: names are resolved within it, types of imports are not needed. */
function analyse(fileName, source) {
  const file = ts.createSourceFile(fileName, source, ts.ScriptTarget.ES2022, true);
  const host = {
    getSourceFile: (name) => (name === fileName ? file : undefined), getDefaultLibFileName: () => 'lib.d.ts', writeFile: () => {}, getCurrentDirectory: () => '', getCanonicalFileName: (f) => f,
    useCaseSensitiveFileNames: () => true, getNewLine: () => '\n', fileExists: (f) => f === fileName, readFile: () => undefined,
  };
  const program = ts.createProgram([fileName], { noLib: true, noResolve: true, target: ts.ScriptTarget.ES2022, allowJs: true }, host);
  return { file, checker: program.getTypeChecker() };
}

/** The variables to convert, and those that look like it and cannot be. */
function collect(file, checker) {
  const fields = [];
  const problems = [];
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement) || statement.modifiers?.some((m) => m.kind === ts.SyntaxKind.DeclareKeyword)) continue;
    const isLet = (statement.declarationList.flags & ts.NodeFlags.Const) === 0;
    for (const d of statement.declarationList.declarations) {
      if (!isLet && !isContainer(d)) continue;
      if (!ts.isIdentifier(d.name)) { problems.push({ node: d, text: 'a pattern is not converted: declare its names one by one' }); continue; }
      const name = d.name.text;
      if (statement.modifiers?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)) { problems.push({ node: d, text: `'${name}' is exported, and read in files that this one does not know` }); continue; }
      if (statement.declarationList.declarations.length > 1) { problems.push({ node: d, text: `'${name}' is declared together with others: declare them one by one` }); continue; }
      fields.push({ name, symbol: checker.getSymbolAtLocation(d.name), node: d, statement, isConst: !isLet, type: d.type, init: d.initializer });
    }
  }
  return { fields, problems };
}

/** Whether a `const` holds something that changes: a new container that is not declared read-only. */
function isContainer(d) {
  const init = d.initializer;
  if (init === undefined || (d.type !== undefined && /^(readonly |Readonly)/.test(d.type.getText()))) return false;
  if (ts.isArrayLiteralExpression(init)) return init.elements.length === 0;
  if (ts.isObjectLiteralExpression(init)) return init.properties.length === 0;
  return ts.isNewExpression(init) && CONTAINERS.has(init.expression.getText());
}

/** Name of the type of a field, without `| null` and arguments. */
function typeName(type) {
  if (type === undefined) return '';
  const parts = ts.isUnionTypeNode(type) ? type.types : [type];
  return parts.map((p) => (ts.isTypeReferenceNode(p) ? p.typeName.getText() : '')).find((n) => n !== '') ?? '';
}

/** Mentions of a variable other than its declaration, as nodes. */
function usesOf(file, checker, symbol, name) {
  const uses = [];
  const visit = (node) => {
    if (ts.isIdentifier(node) && node.text === name && !ts.isVariableDeclaration(node.parent)) {
      const s = ts.isShorthandPropertyAssignment(node.parent) ? checker.getShorthandAssignmentValueSymbol(node.parent) : ts.isExportSpecifier(node.parent) ? checker.getExportSpecifierLocalTargetSymbol(node.parent) : checker.getSymbolAtLocation(node);
      if (s === symbol) uses.push(node);
    } else if (ts.isIdentifier(node) && node.text === name && node.parent.initializer === node && checker.getSymbolAtLocation(node) === symbol) uses.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return uses;
}

function editUse(use, field, { key, vnet, checker, file, problems, fields }) {
  if (ts.isExportSpecifier(use.parent)) { problems.push(report(file, use, `'${field.name}' is exported, and read in files that this one does not know`)); return []; }
  if (ts.isTypeQueryNode(use.parent)) { problems.push(report(file, use, `'typeof ${field.name}' is not converted: name the type`)); return []; }
  // In the first value of another field the object is at hand.
  if (fields.some((f) => f.init !== undefined && f.init.pos <= use.pos && use.end <= f.init.end)) return [replace(use, `this.${field.name}`)];
  const expr = vnet.find((e) => atHand(checker, use, /^[A-Za-z_$][\w$]*/.exec(e)?.[0] ?? ''));
  if (expr === undefined) { problems.push(report(file, use, `'${field.name}' in ${whereIs(use)}, where no vnet is at hand (${vnet.join(', ')})`)); return []; }
  return [replace(use, `${key}.get(${expr}).${field.name}`)];
}

function replace(use, text) {
  if (ts.isShorthandPropertyAssignment(use.parent)) return { from: use.end, to: use.end, text: `: ${text}` };
  return { from: use.getStart(), to: use.end, text };
}

/** Whether `name` is a parameter or a local variable where `node` is. */
function atHand(checker, node, name) {
  const symbol = checker.resolveName(name, node, ts.SymbolFlags.Value, false);
  const d = symbol?.valueDeclaration;
  if (d === undefined || (!ts.isParameter(d) && !ts.isVariableDeclaration(d) && !ts.isBindingElement(d))) return false;
  for (let n = d.parent; n; n = n.parent) if (ts.isFunctionLike(n)) return true;
  return false;
}

/** `function onSweep`, `a closure in start`, `the module itself`. */
function whereIs(node) {
  let closure = false;
  for (let n = node.parent; n; n = n.parent) {
    if (!ts.isFunctionLike(n)) continue;
    const name = n.name?.getText() ?? (ts.isVariableDeclaration(n.parent) ? n.parent.name.getText() : null);
    if (name !== null) return closure ? `a closure in ${name}` : name;
    closure = true;
  }
  return closure ? 'a closure of the module' : 'the module itself';
}

/** The variables go; where the first stood, stand the class and the key. */
function declarations(file, source, fields, { key, type, module }) {
  const edits = [];
  const body = [];
  for (const f of fields) {
    const from = leading(source, f.statement);
    const comment = source.slice(from, f.statement.getStart()).trim();
    if (comment !== '') body.push(...comment.split('\n').map((l) => `  ${l}`));
    const annotation = f.type === undefined ? '' : `: ${f.type.getText()}`;
    const value = f.init === undefined ? ' = undefined' : ` = ${initText(source, f, fields)}`;
    body.push(`  ${f.isConst ? 'readonly ' : ''}${f.name}${f.init === undefined && f.type !== undefined && !/undefined/.test(annotation) ? `${annotation} | undefined` : annotation}${value};`);
    edits.push({ from, to: lineEnd(source, f.statement.end), text: '' });
  }
  edits[0].text = [`/** What ${module} keeps in each vnet. */`, `class ${type} {`, ...body, '}', '', `const ${key}: VnetVar<${type}> = defineVnetVar({ module: '${module}', name: '${module}', init: () => new ${type}() });`, ''].join('\n');
  return edits;
}

/** The first value of a field; other fields in it are read from the object that is being made. Uses inside are edited here, not by {@link editUse}. */
function initText(source, field, fields) {
  const start = field.init.getStart();
  let text = source.slice(start, field.init.end);
  const inner = [];
  const visit = (node) => {
    if (ts.isIdentifier(node) && fields.some((f) => f.name === node.text) && !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node)) inner.push(node);
    ts.forEachChild(node, visit);
  };
  visit(field.init);
  for (const n of inner.reverse()) text = `${text.slice(0, n.getStart() - start)}this.${n.text}${text.slice(n.end - start)}`;
  return text;
}

/** Where the comment of a statement begins: the last block of comments that touches it. */
function leading(source, statement) {
  const comments = ts.getLeadingCommentRanges(source, statement.getFullStart()) ?? [];
  let from = statement.getStart();
  for (const c of comments.reverse()) {
    if (/\n[ \t]*\n/.test(source.slice(c.end, from))) break;
    from = c.pos;
  }
  return from;
}

const lineEnd = (source, at) => { const nl = source.indexOf('\n', at); return nl < 0 ? source.length : nl + 1; };

/** `defineVnetVar` and `VnetVar` come from @ns/kern. */
function imports(file) {
  const wanted = ['defineVnetVar', 'type VnetVar'];
  const decls = file.statements.filter(ts.isImportDeclaration);
  const kern = decls.find((d) => d.moduleSpecifier.text === '@ns/kern' && d.importClause?.namedBindings && ts.isNamedImports(d.importClause.namedBindings) && !d.importClause.isTypeOnly);
  if (kern === undefined) {
    const at = decls.length > 0 ? decls[decls.length - 1].end : 0;
    return [{ from: at, to: at, text: `${at > 0 ? '\n' : ''}import { ${wanted.join(', ')} } from '@ns/kern';${at > 0 ? '' : '\n'}` }];
  }
  const { elements } = kern.importClause.namedBindings;
  const have = new Set(elements.map((e) => e.name.text));
  const missing = wanted.filter((w) => !have.has(w.replace('type ', '')));
  if (missing.length === 0) return [];
  const names = [...elements.map((e) => e.getText()), ...missing].sort((a, b) => a.replace('type ', '').localeCompare(b.replace('type ', ''), 'en', { sensitivity: 'base' }));
  return [{ from: elements[0].getStart(), to: elements[elements.length - 1].end, text: names.join(', ') }];
}

/** Applies edits, which do not overlap; one inside a range that goes is dropped with it. */
function apply(source, edits) {
  const inside = (e, o) => (e.from === e.to ? o.from < e.from && e.to < o.to : o.from <= e.from && e.to <= o.to && o.to - o.from > e.to - e.from);
  const outer = edits.filter((e) => !edits.some((o) => o !== e && inside(e, o)));
  let out = source;
  for (const e of outer.sort((a, b) => b.from - a.from)) out = out.slice(0, e.from) + e.text + out.slice(e.to);
  return out.replace(/\n{3,}/g, '\n\n');
}
