import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  isolatedDeclarations: true,
  declaration: true,
  stripInternal: false,
  verbatimModuleSyntax: true,
};

/**
 * Writes `dist/**.d.ts` of one package, one file for each source file and without a type check: `isolatedDeclarations` makes each file
 * its own. Throws when a file has an export whose type is not spelled out.
 */
export function emitDeclarations(dir) {
  const src = join(dir, 'src');
  const problems = [];
  for (const name of readdirSync(src, { recursive: true })) {
    if (!name.endsWith('.ts') || name.endsWith('.d.ts')) continue;
    const file = join(src, name);
    const out = ts.transpileDeclaration(readFileSync(file, 'utf8'), { fileName: file, compilerOptions: OPTIONS, reportDiagnostics: true });
    problems.push(...out.diagnostics);
    const target = join(dir, 'dist', name.replace(/\.ts$/, '.d.ts'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, importJs(out.outputText));
  }
  if (problems.length > 0) {
    const text = ts.formatDiagnostics(problems, { getCurrentDirectory: () => dir, getCanonicalFileName: (f) => f, getNewLine: () => '\n' });
    const error = new Error(text);
    error.stack = text; // the place in the source matters, not the place in here
    throw error;
  }
}

/** `./file.ts` becomes `./file.js`, in import and export declarations and in `import('./file.ts')` types. */
function importJs(text) {
  return text
    .replace(/(\bfrom\s*|\bimport\s*\(\s*|^import\s*)(["'])(\.\.?\/[^"']*)\.ts\2/gm, '$1$2$3.js$2')
    .replace(/^\/\/# sourceMappingURL=.*$/gm, '');
}
