import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalOpts, isWild, jailsOfConfig, wildMatch } from '../src/jail/config.ts';
import { Lexer, unescape } from '../src/jail/lexer.ts';
import { parseJailConf } from '../src/jail/parser.ts';
import { paramWords, quoted } from '../src/jail/print.ts';

const nothing = (): { error: string } => ({ error: 'No such file or directory' });
const errorsOf = (text: string): readonly string[] => parseJailConf('t.conf', text, nothing).errors;

/** The jails of a file as `jail -e ' '` shows them, and the complaints. */
function conf(text: string, files: Record<string, string> = {}): string[] {
  const said: string[] = [];
  const parsed = parseJailConf('dir/t.conf', text, (path) => (files[path] === undefined ? nothing() : { text: files[path] }));
  const jails = jailsOfConfig(parsed.blocks, (t) => void said.push(`! ${t}`));
  return [...parsed.errors, ...jails.map((j) => `${j.name ?? ''}: ${paramWords(j, ' ')}`), ...said];
}

const tokens = (text: string): string => {
  const out: string[] = [];
  const lexer = new Lexer(text, (line, message) => void out.push(`!${line} ${message}`));
  for (let t = lexer.next(); t.kind !== 'eof'; t = lexer.next()) out.push(`${t.joined ? '+' : ''}${t.kind === 'op' ? t.text : `${t.kind === 'var' ? '$' : ''}<${t.text}>`}`);
  return out.join(' ');
};

describe('words of jail.conf', () => {
  it.each([
    ['', ''],
    ['a { b = c; }', '<a> { <b> = <c> ; }'],
    ['a+=b,c;', '<a> += <b> , <c> ;'],
    ['a# comment\nb // comment\nc /* two\nlines */ d /**/ e', '<a> <b> <c> <d> <e>'],
    ['http://x', '<http:>'],
    ["'a b' \"c d\"", '<a b> <c d>'],
    ["a'b'\"c\"d", '<a> +<b> +<c> +<d>'],
    ['$x ${y z} a$b', '$<x> $<y z> <a> +$<b>'],
    ['"a${b}c$d"', '<a> +$<b> +<c> +$<d>'],
    ['"$a"', '<> +$<a>'],
    ['"cost: $5, $"', '<cost: $5, $>'],
    ["'$a'", '<$a>'],
    ['"a\\"b\\\\\\n\\x41\\101\\q"', '<a"b\\\n A A q>'.replaceAll(' ', '')],
    ['a\\ b\\;c', '<a> +< > +<b> +<;> +<c>'],
    ['"two\nlines"', '<two\nlines>'],
    ['*.www', '<*> +<.www>'],
    ['2001:db8::1/64 em0|10.0.0.1', '<2001:db8::1> +</> +<64> <em0|10.0.0.1>'],
    ["a 'b", '<a> !1 unterminated string <b>'],
    ['\n/* a', '!2 unterminated comment'],
    ['${a', '!1 unterminated variable $<a>'],
    ['"${a"', '!1 unterminated variable <${a>'],
    ['é', 'é'],
  ])('%j', (text, expected) => {
    expect(tokens(text)).toBe(expected);
  });

  it('of any text end, and a quoted text is what it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(typeof tokens(text)).toBe('string');
      }),
    );
    fc.assert(fc.property(fc.string({ maxLength: 30 }), (text) => unescape(text.replaceAll('\\', '\\\\')) === text));
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 20 }), (text) => {
        const safe = text.replaceAll('$', '');
        const q = quoted(safe);
        if (q[0] !== '"' && q[0] !== "'") return; // a plain word
        expect(tokens(q)).toBe(`<${safe}>`);
      }),
    );
  });
});

describe('jail.conf', () => {
  it('has blocks with parameters, and parameters for all jails behind them', () => {
    expect(
      conf(`
        exec.start = "a";            # for www and db
        path = "/jails/$name";
        www { host.hostname = www.example.org; persist; ip4.addr = 10.0.0.1, 10.0.0.2; }
        exec.start += "b", c;
        db { exec.start += d; nopersist; path "/db"; ; }
        allow.mount;
      `),
    ).toEqual([
      'www: name=www exec.start=a,b,c path=/jails/www host.hostname=www.example.org persist ip4.addr=10.0.0.1,10.0.0.2 allow.mount',
      'db: name=db exec.start=a,b,c,d path=/db nopersist allow.mount',
    ]);
  });

  it('lets wildcards stand for jails, in the order of the file', () => {
    expect(conf(`"*" { a = all; } x { b = own; } x.y { } "x.*" { b = inner; } *.y { c = y; }`)).toEqual(['x: name=x a=all b=own', 'x.y: name=x.y a=all b=inner c=y']);
    expect(conf('3 { } 17x { }')).toEqual(['3: ', '17x: name=17x']);
    const rows: [string, string, boolean][] = [['a', '*', true], ['a.b', '*', true], ['a.b', 'a.*', true], ['a', 'a.*', false], ['a.b', '*.b', true], ['a.b.c', '*.b', false], ['a.b.c', 'a.*', true], ['ab', 'a', false]];
    for (const [name, wild, is] of rows) expect(wildMatch(name, wild), `${name} ${wild}`).toBe(is);
    expect(['*', 'a.*', '*.a', 'a*', 'a', '*a.b'].map(isWild)).toEqual([true, true, true, false, false, false]);
  });

  it('gives a parameter and its negative one place', () => {
    expect(conf('allow.raw_sockets; nopersist; a { allow.noraw_sockets; persist; }')).toEqual(['a: allow.noraw_sockets persist name=a'.replace('a: allow.noraw_sockets persist name=a', 'a: name=a allow.noraw_sockets persist')]);
    expect([equalOpts('persist', 'nopersist'), equalOpts('allow.nomount', 'allow.mount'), equalOpts('a.b', 'nob')]).toEqual([true, true, false]);
  });

  it('puts variables in their places: those of the file and the parameters', () => {
    expect(conf(`$base = /jails; $root = "$base/\${name}"; a { path = $root; host.hostname = "$name.\${dom}"; $dom = example.org; }`)).toEqual(['a: name=a path=/jails/a host.hostname=a.example.org']);
    expect(conf('$ips = 10.0.0.1, 10.0.0.2; a { ip4.addr = $ips; }')).toEqual(['a: name=a ip4.addr=10.0.0.1,10.0.0.2']);
    expect(conf('$ips = 1, 2; a { x = "$ips-"; }').at(-1)).toBe('! a: x: array cannot be substituted inline');
    expect(conf('a { path = $nowhere; }').at(-1)).toBe('! a: path: variable "nowhere" not found');
    expect(conf('$x = $y; $y = "$x"; a { }').at(-1)).toBe('! a: x: variable loop');
    expect(conf('a { path = $path; }').at(-1)).toBe('! a: path: variable loop');
    expect(conf('$path = x; a { }').at(-1)).toBe('! a: variable "$path" cannot have the same name as a parameter.');
    expect(conf('$x = 1; a { x = 2; }').at(-1)).toBe('! a: variable "$x" cannot have the same name as a parameter.');
    expect(conf('a { name = b; }').at(-1)).toBe('! a: cannot redefine parameter "name".');
  });

  it('does not let variables grow without end', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz'];
    const twice = letters.map((c, i) => (i === 25 ? `$v${c} = 0123456789;` : `$v${c} = "$v${letters[i + 1] ?? ''}$v${letters[i + 1] ?? ''}";`)).join('');
    expect(conf(`${twice} j { }`).at(-1)).toMatch(/^! j: v[a-z]: value too long$/);
    const lists = letters.map((c, i) => (i === 25 ? `$v${c} = 0, 1;` : `$v${c} = $v${letters[i + 1] ?? ''}, $v${letters[i + 1] ?? ''};`)).join('');
    expect(conf(`${lists} j { }`).at(-1)).toMatch(/^! j: v[a-z]: too many values$/);
  });

  it('includes files, relative to itself, at the top alone', () => {
    const files = { 'dir/a.conf': 'a { x = 1; }', '/abs': '$y = 2;', 'dir/loop': '.include "loop";' };
    expect(conf('.include "a.conf"; .include "/abs"; b { z = $y; }', files)).toEqual(['a: name=a x=1', 'b: name=b z=2']);
    expect(conf('\n.include "none";', files)).toEqual(['dir/t.conf line 2: dir/none: No such file or directory']);
    expect(conf('.include "loop";', files)).toEqual(['dir/loop line 1: maximum include depth exceeded']);
    expect(conf('a { .include "a.conf"; }', files)[0]).toBe('dir/t.conf line 1: .include only allowed at top level');
    expect(conf('.include "$x";', files)).toEqual(["dir/t.conf line 1: variables not permitted in '.include' filename"]);
    expect(conf('.include "*.conf";', files)).toEqual(['dir/t.conf line 1: *.conf: patterns are not supported']);
  });

  it.each([
    ['a { b = c }', ['t.conf line 1: }: syntax error']],
    ['a {\n b = ;\n c = d e;\n}', ['t.conf line 2: ;: syntax error', 't.conf line 3: e: syntax error']],
    ['a { b = c;', ['t.conf: unexpected EOF']],
    ['a', ['t.conf: unexpected EOF']],
    ['= b;\n}', ['t.conf line 1: =: syntax error', 't.conf line 2: }: syntax error']],
    ['a { é = 1; }', ['t.conf line 1: é: syntax error']],
    ['a { b = "c }', ['t.conf line 1: unterminated string', 't.conf: unexpected EOF']],
    ['$x { }', ['t.conf line 1: {: syntax error']],
  ])('says where %j is wrong', (text, errors) => {
    expect(errorsOf(text)).toEqual(errors);
  });

  it('of any text is read or refused, in bounded time and words', () => {
    const piece = fc.constantFrom('a', '*', '{', '}', ';', '=', '+=', ',', '"', "'", '$', '${', '\\', '/*', '\n', ' ', '#', '$a', '"$a"', '.include', 'name');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        const said: string[] = [];
        const f = parseJailConf('f', parts.join(''), nothing);
        expect(f.errors.length).toBeLessThan(60);
        for (const j of jailsOfConfig(f.blocks, (t) => void said.push(t))) expect(typeof paramWords(j, ' ')).toBe('string');
      }),
      { numRuns: 500 },
    );
  });
});
