/** The difference of two texts by lines: `{ removed, added, hunks }`, the hunks as text of a unified diff without context. */
export function diffLines(before, after) {
  const [a, b] = [before.split('\n'), after.split('\n')];
  // Longest common subsequence; files are short.
  const len = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) len[i][j] = a[i] === b[j] ? len[i + 1][j + 1] + 1 : Math.max(len[i + 1][j], len[i][j + 1]);
  const out = [];
  let [i, j, removed, added] = [0, 0, 0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { i++; j++; continue; }
    out.push(`@@ ${i + 1} @@`);
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) break;
      if (i < a.length && (j >= b.length || len[i + 1][j] >= len[i][j + 1])) { out.push(`-${a[i++]}`); removed++; } else { out.push(`+${b[j++]}`); added++; }
    }
  }
  return { removed, added, hunks: out.join('\n') };
}
