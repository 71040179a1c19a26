/*
 * Parameters as text that a shell, and jail(8), can read again. Source: FreeBSD usr.sbin/jail/jail.c, print_jail(); usr.sbin/jls/jls.c.
 */
import { type CfJail } from './config.ts';

/** The quote that a text needs, or none. Source: quoted_print(). */
export function quoteOf(text: string): string {
  if (text === '' || text.includes("'")) return '"';
  return text.includes('"') ? "'" : /[ \t]/.test(text) ? '"' : '';
}

/** A text in quotes where it needs some. */
export function quoted(text: string): string {
  const q = quoteOf(text);
  let out = q;
  for (const c of text) out += c === '\\' || c === q ? `\\${c}` : c;
  return out + q;
}

/** The parameters of a configured jail but `jid`: `name=value`, values separated by commas. */
export function paramWords(jail: CfJail, sep: string): string {
  return jail.params
    .filter((p) => p.name !== 'jid')
    .map((p) => (p.values.length === 0 ? p.name : `${p.name}=${p.values.map((v) => quoted(v.text)).join(',')}`))
    .join(sep);
}
