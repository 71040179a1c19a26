import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** `noResolve`: each file stands for itself, which `isolatedDeclarations` makes possible; nothing is type-checked here. The symbols of disposal must be known, or a method with such a name is declared twice. */
const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  noResolve: true,
  noCheck: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  types: [],
  isolatedDeclarations: true,
  declaration: true,
  emitDeclarationOnly: true,
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
};

/** Writes `dist/**.d.ts` of one package, one file for each source file. Throws when an export's type is not spelled out. */
export function emitDeclarations(dir) {
  const src = join(dir, 'src');
  const files = readdirSync(src, { recursive: true }).filter((f) => f.endsWith('.ts')).map((f) => join(src, f));
  const program = ts.createProgram(files, { ...OPTIONS, rootDir: src, outDir: join(dir, 'dist') });
  const { diagnostics } = program.emit(undefined, (file, text) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, importJs(text));
  });
  if (diagnostics.length > 0) {
    const text = ts.formatDiagnostics(diagnostics, { getCurrentDirectory: () => dir, getCanonicalFileName: (f) => f, getNewLine: () => '\n' });
    const error = new Error(text);
    error.stack = `${relative(process.cwd(), dir) || dir}\n${text}`; // the place in the source matters, not the place in here
    throw error;
  }
}

/** `./file.ts` becomes `./file.js`, in import and export declarations and in `import('./file.ts')` types. */
function importJs(text) {
  return text.replace(/(\bfrom\s*|\bimport\s*\(\s*|^import\s*)(["'])(\.\.?\/[^"']*)\.ts\2/gm, '$1$2$3.js$2');
}
