/*
 * Grammar of jail.conf(5). Source: FreeBSD usr.sbin/jail/jailparse.y.
 */
import { Lexer, type Token } from './lexer.ts';

/** A value with places for variables. */
export interface CfString {
  readonly text: string;
  /** Variables with their places in `text`, from left to right. */
  readonly vars: readonly { readonly name: string; readonly pos: number }[];
}

/** A parameter or, with `isVar`, a variable. */
export interface CfParam {
  readonly name: string;
  /** None for a parameter without `=`. */
  readonly values: readonly CfString[];
  /** `+=`. */
  readonly append: boolean;
  readonly isVar: boolean;
}

/** A jail, or with the name `*` (alone or as a part) what holds for several. */
export interface CfBlock {
  readonly name: string;
  readonly params: readonly CfParam[];
}

/** What a file holds, or what is wrong with it, a line each. */
export interface CfFile {
  readonly blocks: readonly CfBlock[];
  readonly errors: readonly string[];
}

/** How files include each other at most. */
const DEPTH_MAX = 32;
/** Complaints after which a file is given up. */
const ERRORS_MAX = 20;

/** Reads files; an errno's text where one cannot be read. */
export type ReadFile = (path: string) => { readonly text: string } | { readonly error: string };

class Parser {
  private readonly file: string;
  private readonly lexer: Lexer;
  private readonly read: ReadFile;
  private readonly depth: number;
  private readonly blocks: { name: string; params: CfParam[] }[];
  private readonly errors: string[];
  private t: Token;
  /** The last recovery ended at a brace that nothing has opened, or that ends a block. */
  private stuck: boolean;

  constructor(file: string, text: string, read: ReadFile, into: { blocks: { name: string; params: CfParam[] }[]; errors: string[] }, depth: number) {
    this.file = file;
    this.read = read;
    this.depth = depth;
    this.blocks = into.blocks;
    this.errors = into.errors;
    this.lexer = new Lexer(text, (line, message) => void this.errors.push(`${file} line ${line}: ${message}`));
    this.t = this.lexer.next();
    this.stuck = false;
  }

  parse(): void {
    while (this.t.kind !== 'eof' && this.errors.length < ERRORS_MAX) {
      if (this.eat(';')) continue;
      const head = this.t;
      const name = this.t.kind === 'str' ? this.blockName() : '';
      if (head.kind === 'str' && this.isOp('{')) this.block(name);
      else {
        const p = this.param(head, name);
        if (p !== null) this.global(p, head.line);
        else if (this.stuck) this.eat('}');
      }
    }
  }

  private isOp(op: string): boolean {
    return this.t.kind === 'op' && this.t.text === op;
  }

  private eat(op: string): boolean {
    if (!this.isOp(op)) return false;
    this.t = this.lexer.next();
    return true;
  }

  /** A name may come in pieces: `*` and `.www`. */
  private blockName(): string {
    let name = '';
    do {
      name += this.t.text;
      this.t = this.lexer.next();
    } while (this.t.kind === 'str' && this.t.joined);
    return name;
  }

  private block(name: string): void {
    this.eat('{');
    const params: CfParam[] = [];
    while (this.t.kind !== 'eof' && !this.isOp('}') && this.errors.length < ERRORS_MAX) {
      if (this.eat(';')) continue;
      const head = this.t;
      const p = this.param(head, head.kind === 'str' ? this.blockName() : '');
      if (p === null) continue;
      if (p.name === '.include') this.errors.push(`${this.file} line ${head.line}: .include only allowed at top level`);
      else params.push(p);
    }
    if (!this.eat('}')) return this.syntaxError();
    this.blocks.push({ name, params });
  }

  /** The rest of a parameter, whose first word has been read if it is a string, to the semicolon. Null after an error. */
  private param(head: Token, word: string): CfParam | null {
    let name = word;
    if (head.kind === 'var') {
      name = head.text;
      this.t = this.lexer.next();
    } else if (head.kind !== 'str') return this.recover();
    const append = this.eat('+=');
    const assigned = append || this.eat('=');
    const values: CfString[] = [];
    if (assigned || this.t.kind === 'str' || this.t.kind === 'var') {
      do {
        if (this.t.kind !== 'str' && this.t.kind !== 'var') return this.recover();
        values.push(this.string());
      } while (this.eat(','));
    }
    if (!this.eat(';')) return this.recover();
    return { name, values, append, isVar: head.kind === 'var' };
  }

  private string(): CfString {
    let text = '';
    const vars: { name: string; pos: number }[] = [];
    do {
      if (this.t.kind === 'var') vars.push({ name: this.t.text, pos: text.length });
      else text += this.t.text;
      this.t = this.lexer.next();
    } while ((this.t.kind === 'str' || this.t.kind === 'var') && this.t.joined);
    return { text, vars };
  }

  /** Source: yyerror(). */
  private syntaxError(): void {
    const error = this.t.kind === 'eof' ? `${this.file}: unexpected EOF` : `${this.file} line ${this.t.line}: ${this.t.raw}: syntax error`;
    if (this.errors.at(-1) !== error) this.errors.push(error);
  }

  /** Says what is wrong and goes on behind the next semicolon, or with the end of the block. */
  private recover(): null {
    this.syntaxError();
    this.stuck = false;
    while (this.t.kind !== 'eof' && !this.isOp('}')) {
      if (this.eat(';')) return null;
      this.t = this.lexer.next();
    }
    this.stuck = true;
    return null;
  }

  /** A parameter outside of blocks holds for the jails behind it. */
  private global(p: CfParam, line: number): void {
    if (p.name === '.include') return this.include(p, line);
    let last = this.blocks[this.blocks.length - 1];
    if (last === undefined || last.name !== '*') this.blocks.push((last = { name: '*', params: [] }));
    last.params.push(p);
  }

  private include(p: CfParam, line: number): void {
    const bad = (message: string): void => void this.errors.push(`${this.file} line ${line}: ${message}`);
    for (const s of p.values) {
      if (s.vars.length > 0) bad("variables not permitted in '.include' filename");
      else if (this.depth >= DEPTH_MAX) bad('maximum include depth exceeded');
      else if (/[*?[\]]/.test(s.text)) bad(`${s.text}: patterns are not supported`);
      else {
        const path = s.text.startsWith('/') ? s.text : this.file.replace(/[^/]*$/, '') + s.text;
        const got = this.read(path);
        if ('error' in got) bad(`${path}: ${got.error}`);
        else new Parser(path, got.text, this.read, { blocks: this.blocks, errors: this.errors }, this.depth + 1).parse();
      }
    }
  }
}

/** Reads a configuration file and those that it includes. Never throws for what they hold. */
export function parseJailConf(file: string, text: string, read: ReadFile): CfFile {
  const into: { blocks: { name: string; params: CfParam[] }[]; errors: string[] } = { blocks: [], errors: [] };
  new Parser(file, text, read, into, 0).parse();
  return into;
}
