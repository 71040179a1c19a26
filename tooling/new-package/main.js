/** `pnpm new <layer> <name> [description]`: a new package, entered in tooling/layers.json. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, readJson } from '../lib/workspace.js';
import * as template from './template.js';

/** Writes the package below `root`. Returns the files written, relative to `root`; throws with a sentence for the user. */
export function newPackage(root, layer, name, description = `The ${name} package`) {
  const truthFile = join(root, 'tooling/layers.json');
  const { layers, packages } = readJson(truthFile);
  const known = layers.map((l) => l.name);
  if (!known.includes(layer)) throw new Error(`unknown layer '${layer}'; layers are ${known.join(', ')}`);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name ?? '')) throw new Error(`'${name}' is not a package name: lower case letters, digits and single hyphens`);
  if (packages[name] || existsSync(join(root, 'packages', name))) throw new Error(`packages/${name} exists already`);
  if (layer === 'kpi' && !name.endsWith('-kpi')) throw new Error(`a package of the layer kpi is named <seam>-kpi`);
  if (layer !== 'kpi' && name.endsWith('-kpi')) throw new Error(`-kpi packages belong to the layer kpi`);

  const isPrivate = layer === 'private';
  const host = isPrivate ? 'node' : layer === 'faces' ? 'web' : 'none';
  const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
  const files = {
    'package.json': json(template.packageJson({ name, description, isPrivate })),
    'tsconfig.json': json(template.tsconfig(host)),
    'tsup.config.ts': template.TSUP_CONFIG,
    'README.md': template.readme(name, description, ''),
    'src/index.ts': template.indexTs(name, description),
    'test/index.test.ts': template.testTs(name),
    ...(isPrivate ? {} : { 'api-extractor.json': json(template.API_EXTRACTOR) }),
  };
  const written = [];
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, 'packages', name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    written.push(`packages/${name}/${file}`);
  }
  writeFileSync(truthFile, enter(readFileSync(truthFile, 'utf8'), { layers, packages }, name, { layer, ...(host === 'none' ? {} : { host }) }));
  return written;
}

/** layers.json with one more line, after the last package of the layer, the layout of the rest untouched. */
function enter(text, { layers, packages }, name, entry) {
  const order = layers.map((l) => l.name);
  const rank = (n) => order.indexOf(packages[n].layer);
  const names = Object.keys(packages);
  const after = names.filter((n) => packages[n].layer === entry.layer).pop() ?? names.filter((n) => rank(n) < order.indexOf(entry.layer)).pop();
  const line = `    "${name}": ${JSON.stringify(entry).replace(/":/g, '": ').replace(/,"/g, ', "').replace('{', '{ ').replace('}', ' }')}`;
  const lines = text.split('\n');
  const at = lines.findIndex((l) => l.startsWith(`    "${after}": `));
  if (!lines[at].endsWith(',')) { lines[at] += ','; lines.splice(at + 1, 0, line); } else lines.splice(at + 1, 0, `${line},`);
  return lines.join('\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [layer, name, ...words] = process.argv.slice(2);
  if (!layer || !name) {
    console.log('usage: pnpm new <layer> <name> [description]');
    process.exit(2);
  }
  try {
    for (const file of newPackage(ROOT, layer, name, words.length > 0 ? words.join(' ') : undefined)) console.log(file);
    console.log(`
Next:
  1. describe it in packages/${name}/package.json, src/index.ts and README.md, both with the same example (\`\`\`ts, which a test runs); name its FreeBSD counterpart in tooling/layers.json
  2. import what it needs as @ns/<name>; then  pnpm layers --fix && pnpm install
  3. pnpm test packages/${name}
  4. say in packages/docs/ownership.md who owns what of it, and in .github/CODEOWNERS who reviews it
  5. pnpm api:update ${name} && pnpm readme, commit etc/${name}.api.md, and add a note with  pnpm changeset`);
  } catch (err) {
    console.log(err.message);
    process.exitCode = 1;
  }
}
