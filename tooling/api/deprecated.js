/** What is deprecated says in which version it goes, `Removed in 1.0.0.`, and is gone by then. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT, filesBelow, loadWorkspace } from '../lib/workspace.js';

/** -1, 0 or 1, as versions of three numbers compare. */
function compare(a, b) {
  const [x, y] = [a, b].map((v) => v.split('-')[0].split('.').map(Number));
  for (let i = 0; i < 3; i++) if (x[i] !== y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

/** The deprecated exports of a package: [name, version in which it goes or null, where]. */
export function deprecatedOf(pkg, root = ROOT) {
  const found = [];
  for (const file of filesBelow(join(pkg.dir, 'src'), '.ts')) {
    const text = readFileSync(join(pkg.dir, 'src', file), 'utf8');
    for (const [, comment, name] of text.matchAll(/\/\*\*((?:(?!\*\/)[^])*?@deprecated(?:(?!\*\/)[^])*?)\*\/\s*export (?:declare )?(?:async )?(?:function|const|class|interface|type) (\w+)/g)) {
      const removed = /@deprecated[^@]*?Removed in ([0-9]+\.[0-9]+\.[0-9]+)\./.exec(comment.replace(/^\s*\* ?/gm, ''));
      found.push([name, removed?.[1] ?? null, `${relative(root, pkg.dir)}/src/${file}`]);
    }
  }
  return found;
}

/** What is wrong with what is deprecated, a line each. */
export function checkDeprecated(root = ROOT) {
  const problems = [];
  for (const pkg of loadWorkspace(root).packages.values()) {
    for (const [name, removed, where] of deprecatedOf(pkg, root)) {
      if (removed === null) problems.push(`${where}: ${name} is deprecated and does not say \`Removed in N.N.N.\``);
      else if (compare(pkg.manifest.version, removed) >= 0) problems.push(`${where}: ${name} was to be removed in ${removed}, this is ${pkg.manifest.version}`);
    }
  }
  return problems;
}
