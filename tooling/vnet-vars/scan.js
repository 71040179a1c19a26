/**
 * Which per-vnet variables, and which fields of their values, are never read.
 *
 * A field counts as read when any source file reads a property of that name, whatever of: what is reported is dead for certain, what is dead but has the name of something living is
 * not found. A write (`x.f = 1`, `x.f++` as a statement) is no read; the name as a string is one, for sysctlVars binds fields by name.
 */
import { readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import ts from 'typescript';
import { filesBelow, loadWorkspace, ROOT } from '../lib/workspace.js';

/** @typedef {{ module: string, name: string, file: string, line: number }} Dead */

const isAssign = (kind) => kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;

/** Whether `node`, a property access, is only written to. */
function isWrite(node) {
  const p = node.parent;
  if (ts.isBinaryExpression(p) && p.left === node && isAssign(p.operatorToken.kind)) return p.operatorToken.kind === ts.SyntaxKind.EqualsToken || ts.isExpressionStatement(p.parent);
  if (ts.isPostfixUnaryExpression(p) || (ts.isPrefixUnaryExpression(p) && (p.operator === ts.SyntaxKind.PlusPlusToken || p.operator === ts.SyntaxKind.MinusMinusToken))) return ts.isExpressionStatement(p.parent);
  return false;
}

/** What a file reads: names of properties into `read`; how often it names each identifier where it is not imported, exported, or entered among a module's variables. */
function reads(file, read) {
  const uses = new Map();
  const walk = (node, counts) => {
    let counted = counts && !ts.isImportDeclaration(node) && !ts.isExportDeclaration(node);
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && node.name.text === 'vnetVars') counted = false;
    if (ts.isPropertyAccessExpression(node)) {
      if (!isWrite(node)) read.add(node.name.text);
    } else if (ts.isStringLiteralLike(node)) read.add(node.text);
    else if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      const name = node.propertyName ?? node.name;
      if (ts.isIdentifier(name)) read.add(name.text);
    } else if (ts.isIdentifier(node) && counted) uses.set(node.text, (uses.get(node.text) ?? 0) + 1);
    ts.forEachChild(node, (child) => walk(child, counted));
  };
  walk(file, true);
  return uses;
}

/** The variables that a file declares, with the class of their value. */
function variables(file) {
  const found = [];
  const walk = (node) => {
    if (ts.isVariableDeclaration(node) && node.initializer && ts.isCallExpression(node.initializer) && node.initializer.expression.getText() === 'defineVnetVar') {
      const [arg] = node.initializer.arguments;
      const prop = (key) => arg && ts.isObjectLiteralExpression(arg) ? arg.properties.find((p) => ts.isPropertyAssignment(p) && p.name.getText() === key)?.initializer : undefined;
      const text = (key) => { const v = prop(key); return v && ts.isStringLiteralLike(v) ? v.text : '?'; };
      const type = node.type && ts.isTypeReferenceNode(node.type) ? node.type.typeArguments?.[0]?.getText() : undefined;
      found.push({ constant: node.name.getText(), module: text('module'), name: text('name'), type, node, destroyed: prop('destroy') !== undefined });
    }
    ts.forEachChild(node, walk);
  };
  walk(file);
  return found;
}

const lineOf = (file, node) => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;

/** Fields of the class `name`: what it declares and its constructor's parameters do not hide. */
function fields(files, name) {
  for (const file of files) {
    for (const s of file.statements) {
      if (ts.isClassDeclaration(s) && s.name?.text === name) return s.members.filter((m) => ts.isPropertyDeclaration(m)).map((m) => ({ file, node: m, name: m.name.getText() }));
    }
  }
  return [];
}

/**
 * @param {Record<string, string>} sources - text by path
 * @returns {Dead[]} variables and fields that nobody reads, in the order of the files
 */
export function scanSources(sources) {
  const files = Object.entries(sources).map(([path, text]) => ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  const read = new Set();
  const uses = new Map(files.map((f) => [f, reads(f, read)]));
  const dead = [];
  for (const f of files) {
    const packageFiles = files.filter((x) => x.fileName.split('/src/')[0] === f.fileName.split('/src/')[0]);
    for (const v of variables(f)) {
      // A value that has a destructor is there to be destroyed.
      const used = v.destroyed || files.some((x) => (uses.get(x).get(v.constant) ?? 0) > (x === f ? 1 : 0));
      if (!used) dead.push({ module: v.module, name: v.name, file: f.fileName, line: lineOf(f, v.node) });
      else if (v.type) {
        for (const field of fields(packageFiles, v.type)) {
          if (!read.has(field.name)) dead.push({ module: v.module, name: `${v.name}.${field.name}`, file: field.file.fileName, line: lineOf(field.file, field.node) });
        }
      }
    }
  }
  return dead;
}

/** {@link scanSources} over the sources of all packages. */
export function scanWorkspace() {
  const paths = [...loadWorkspace().packages.values()].flatMap((p) => filesBelow(join(p.dir, 'src'), '.ts').map((f) => join(p.dir, 'src', f)));
  return scanSources(Object.fromEntries(paths.map((p) => [relative(ROOT, p), readFileSync(p, 'utf8')])));
}

/** A line for each. */
export const formatDead = (dead) => dead.map((d) => `${d.module}.${d.name}: never read (${basename(d.file)}:${d.line})`);
