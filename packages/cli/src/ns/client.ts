import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { EACCES, EIO, EISDIR, ENOENT } from '@ns/errno';
import { NsError } from './paths.ts';
import { type Answer, ANSWER_MAX, encode, type Hello, type Info, LineReader, parseAnswer, PROTOCOL_VERSION, type Request, REQUEST_MAX } from './protocol.ts';

/** Where a client's output goes. */
export interface ClientIo {
  out(text: string | Uint8Array): void;
  err(text: string): void;
}

/** A connection to a stack. */
export class ControlClient {
  private readonly socket: Socket;
  private readonly waiting: Map<number, { answer(a: Answer): void; lost(why: string): void }>;
  private nextId: number;
  /** What the stack said first. */
  readonly hello: Promise<Hello>;

  constructor(path: string) {
    this.waiting = new Map();
    this.nextId = 1;
    const reader = new LineReader(ANSWER_MAX);
    this.socket = connect(path);
    this.hello = new Promise((done, fail) => {
      let greeted = false;
      this.socket.on('data', (chunk) => {
        for (const line of reader.push(chunk) ?? []) {
          const a = parseAnswer(line);
          if (a !== null && 'ns' in a) {
            greeted = true;
            if (a.ns === PROTOCOL_VERSION) done(a);
            else this.fail(fail, `the stack speaks version ${a.ns} of the control protocol, this program ${PROTOCOL_VERSION}`);
          } else if (a !== null) this.answer(a);
        }
      });
      this.socket.on('error', (e: NodeJS.ErrnoException) => this.fail(fail, notThere(path, e)));
      this.socket.on('close', () => this.fail(fail, greeted ? 'the stack has gone' : `${path}: the connection was closed`));
    });
    this.hello.catch(() => {}); // told to whoever waits for an answer, too
  }

  private fail(reject: (e: Error) => void, why: string): void {
    reject(new NsError(why));
    for (const w of [...this.waiting.values()]) w.lost(why);
    this.waiting.clear();
    this.socket.destroy();
  }

  private answer(a: Answer): void {
    if (a.id === null) return;
    this.waiting.get(a.id)?.answer(a);
  }

  private send(r: Request): void {
    this.socket.write(encode(r));
  }

  /** What the stack says of itself. */
  async info(): Promise<Info> {
    const a = await this.ask('info');
    if (!('info' in a)) throw new NsError('error' in a ? a.error : 'no answer');
    return a.info;
  }

  /** Ends the stack. */
  async down(): Promise<void> {
    const a = await this.ask('down');
    if ('error' in a) throw new NsError(a.error);
  }

  private async ask(op: 'info' | 'down'): Promise<Answer> {
    await this.hello;
    const id = this.nextId++;
    return new Promise((done, fail) => {
      this.waiting.set(id, {
        answer: (a) => {
          this.waiting.delete(id);
          done(a);
        },
        lost: (why) => fail(new NsError(why)),
      });
      this.send({ id, op });
    });
  }

  /** Runs a command line; the result is its exit code. `onStart` is given what interrupts it. */
  async exec(words: string | readonly string[], jail: string | null, io: ClientIo, onStart?: (interrupt: () => void) => void): Promise<number> {
    await this.hello;
    const id = this.nextId++;
    return new Promise((done, fail) => {
      const files = new ClientFiles(words, io, () => this.send({ id, op: 'interrupt' }));
      const finish = (code: number): void => {
        this.waiting.delete(id);
        files.closeAll();
        done(files.failed ? 1 : code);
      };
      const request = (): Request => ({ id, op: 'exec', words, jail, ...(files.read.size > 0 && { files: Object.fromEntries(files.read) }) });
      const bring = (path: string): void => {
        const why = files.bring(path) ?? (encode(request()).length > REQUEST_MAX ? `${path}: too large` : null);
        if (why === null) return this.send(request());
        io.err(`ns: ${why}\n`);
        finish(1);
      };
      this.waiting.set(id, {
        answer: (a) => {
          if ('out' in a) io.out(a.out);
          else if ('err' in a) io.err(a.err);
          else if ('file' in a) files.answer(a);
          else if ('need' in a) bring(a.need);
          else if ('exit' in a) finish(a.exit);
          else if ('error' in a) {
            io.err(`ns: ${a.error}\n`);
            finish(70);
          }
        },
        lost: (why) => {
          files.closeAll();
          fail(new NsError(why));
        },
      });
      this.send(request());
      onStart?.(() => this.send({ id, op: 'interrupt' }));
    });
  }

  close(): void {
    this.socket.end();
    this.socket.unref();
  }
}

function notThere(path: string, e: NodeJS.ErrnoException): string {
  if (e.code === 'ENOENT' || e.code === 'ECONNREFUSED') return `no stack is running on ${path}`;
  return `${path}: ${e.code === 'EACCES' ? 'permission denied' : e.message}`;
}

/** Files that a command may ask for. */
const FILES_MAX = 64;

/** Files that a command of the stack writes and reads through us: only such as the user named on the command line, or that those include. */
class ClientFiles {
  /** What has been read: text, or an errno, by path. */
  readonly read: Map<string, string | number>;
  private readonly named: readonly string[];
  private readonly io: ClientIo;
  private readonly interrupt: () => void;
  /** By number; null is the standard output. */
  private readonly open: Map<number, number | null>;
  failed: boolean;

  constructor(words: string | readonly string[], io: ClientIo, interrupt: () => void) {
    this.named = typeof words === 'string' ? words.split(/\s+/) : words;
    this.io = io;
    this.interrupt = interrupt;
    this.open = new Map();
    this.read = new Map();
    this.failed = false;
  }

  /** Reads a file that the command asks for; a text says why not. */
  bring(path: string): string | null {
    if (this.read.has(path) || this.read.size >= FILES_MAX) return `${path}: asked for again`;
    if (!this.named.some((w) => w.endsWith(path)) && !this.isIncluded(path)) return `${path}: not a file of this command`;
    try {
      this.read.set(path, readFileSync(path, 'utf8'));
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      this.read.set(path, code === 'ENOENT' ? ENOENT : code === 'EACCES' ? EACCES : code === 'EISDIR' ? EISDIR : EIO);
    }
    return null;
  }

  private isIncluded(path: string): boolean {
    for (const [file, text] of this.read) {
      if (typeof text !== 'string') continue;
      for (const m of text.matchAll(/\.include[\s=]*["']?([^"';\n]+)/g)) {
        const name = (m[1] as string).trim();
        if (path === (name.startsWith('/') ? name : file.replace(/[^/]*$/, '') + name)) return true;
      }
    }
    return false;
  }

  answer(a: Answer & { readonly file: number }): void {
    if ('open' in a) this.openFile(a.file, a.open);
    else if ('data' in a) this.write(a.file, Buffer.from(a.data, 'base64'));
    else this.closeFile(a.file);
  }

  private openFile(file: number, path: string): void {
    if (!this.named.some((w) => w.endsWith(path))) return this.fault(`${path}: not a file of this command`);
    if (path === '-') {
      this.open.set(file, null);
      return;
    }
    try {
      this.open.set(file, openSync(path, 'w', 0o600));
    } catch (e) {
      this.fault(`${path}: ${(e as Error).message}`);
    }
  }

  private write(file: number, bytes: Buffer): void {
    const fd = this.open.get(file);
    if (fd === undefined) return;
    try {
      if (fd === null) this.io.out(bytes);
      else for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (e) {
      this.closeFile(file);
      this.fault((e as Error).message);
    }
  }

  private closeFile(file: number): void {
    const fd = this.open.get(file);
    this.open.delete(file);
    if (fd !== undefined && fd !== null) closeSync(fd);
  }

  closeAll(): void {
    for (const file of [...this.open.keys()]) this.closeFile(file);
  }

  private fault(message: string): void {
    this.failed = true;
    this.io.err(`ns: ${message}\n`);
    this.interrupt();
  }
}
