/** The generated parts of the root README: the layer diagram and the package table, from layers.json and the package.json files. */

const WIDTH = 96;

/** Names wrapped to `width`, three spaces apart. */
function wrap(names, width) {
  const lines = [''];
  for (const name of names) {
    const last = lines[lines.length - 1];
    const next = last ? `${last}   ${name}` : name;
    if (next.length <= width || !last) lines[lines.length - 1] = next;
    else lines.push(name);
  }
  return lines;
}

/** The stack from the faces down to base; plugins beside it. A layer imports from its own row and the rows below; plugins see kpi and base. */
export function diagram({ layers, packages }) {
  const inLayer = (name) => [...packages.values()].filter((p) => p.layer === name).map((p) => p.name);
  const plugins = [...layers.values()].filter((l) => l.name === 'plugins');
  const rows = [...layers.values()].filter((l) => !plugins.includes(l) && l.name !== 'private').reverse();
  const aside = plugins.flatMap((l) => [l.name, ...inLayer(l.name)]);
  const beside = rows.filter((r) => plugins.every((p) => !p.imports.includes(r.name) && !r.imports.includes(p.name)));
  const left = 11;
  const side = Math.max(...aside.map((s) => s.length)) + 4;
  const border = (width) => `+${'-'.repeat(width - 2)}+`;
  const out = [];
  const box = (row, width) => wrap(inLayer(row.name), width - 4 - left).map((line, i) => `| ${((i === 0 ? row.name : '').padEnd(left) + line).padEnd(width - 4)} |`);
  const emit = (group, width) => group.flatMap((row) => [border(width), ...box(row, width)]);
  const above = rows.slice(0, rows.indexOf(beside[0]));
  const below = rows.slice(rows.indexOf(beside[beside.length - 1]) + 1);
  out.push(...emit(above, WIDTH));
  const tower = [...emit(beside, WIDTH - side - 2), border(WIDTH - side - 2)];
  const panel = [border(side), ...aside.map((s) => `| ${s.padEnd(side - 4)} |`)];
  while (panel.length < tower.length - 1) panel.push(`| ${' '.repeat(side - 4)} |`);
  panel.push(border(side));
  while (tower.length < panel.length) tower.splice(tower.length - 1, 0, `|${' '.repeat(WIDTH - side - 4)}|`);
  const joint = border(WIDTH);
  out.push(joint, ...tower.slice(1, -1).map((line, i) => `${line}  ${panel[i + 1]}`), ...emit(below, WIDTH), joint);
  return ['```', ...out, '```'].join('\n');
}

/** One row for each public package, from the faces down. */
export function table({ layers, packages }) {
  const order = [...layers.keys()].filter((l) => l !== 'private').reverse();
  const rows = order.flatMap((layer) => [...packages.values()].filter((p) => p.layer === layer));
  const cell = (s) => s.replaceAll('|', '\\|');
  const code = (s) => s.split(', ').map((f) => (f.includes('.') || f.includes('/') ? `\`${f}\`` : f)).join(', ');
  return [
    '| package | layer | what it is | FreeBSD |',
    '|---|---|---|---|',
    ...rows.map((p) => `| [\`@ns/${p.name}\`](packages/${p.name}) | ${p.layer} | ${cell(p.manifest.description)} | ${p.freebsd ? code(cell(p.freebsd)) : ''} |`),
  ].join('\n');
}

/** `text` with what stands between `<!-- name:begin -->` and `<!-- name:end -->` replaced; throws if a marker is missing. */
export function replaceSection(text, name, body) {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md needs the markers ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n${body}\n${text.slice(to)}`;
}

/** The README as it should be. */
export function renderReadme(text, workspace) {
  return replaceSection(replaceSection(text, 'layers', diagram(workspace)), 'packages', table(workspace));
}
