import { describe, expect, it } from 'vitest';
import { loadWorkspace } from '../../lib/workspace.js';
import { diagram, renderReadme, replaceSection, table } from '../render.js';

const workspace = loadWorkspace();

describe('the generated parts of the README', () => {
  it('show every public package once in the diagram and once in the table', () => {
    const picture = diagram(workspace).split(/[\s|]+/);
    const rows = table(workspace);
    for (const p of workspace.packages.values()) {
      const times = p.isPrivate ? 0 : 1;
      expect(picture.filter((w) => w === p.name), p.name).toHaveLength(times);
      expect(rows.split(`[\`@ns/${p.name}\`]`).length - 1, p.name).toBe(times);
    }
  });

  it('draw a rectangle', () => {
    const lines = diagram(workspace).split('\n').slice(1, -1);
    expect(new Set(lines.map((l) => l.length)).size).toBe(1);
  });

  it('are replaced in place, and rendering twice changes nothing', () => {
    const text = 'a\n<!-- layers:begin -->\nold\n<!-- layers:end -->\nb\n<!-- packages:begin -->\n<!-- packages:end -->\nc\n';
    const once = renderReadme(text, workspace);
    expect(once).not.toContain('old');
    expect(once.startsWith('a\n') && once.endsWith('\nc\n')).toBe(true);
    expect(renderReadme(once, workspace)).toBe(once);
    expect(() => replaceSection('no markers', 'layers', '')).toThrow(/markers/);
  });
});
