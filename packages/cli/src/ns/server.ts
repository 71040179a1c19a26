import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Kernel } from '@ns/kern';
import { JAILS } from '@ns/vnet';
import type { CliEnv } from '../shell/command.ts';
import { type CliJob, start } from '../shell/exec.ts';
import { NsError } from './paths.ts';
import { type Answer, CHUNK, encode, type Info, LineReader, parseRequest, PROTOCOL_VERSION, REQUEST_MAX, type Request } from './protocol.ts';

/** Clients at a time. */
const CLIENTS_MAX = 64;
/** Commands of one client at a time. */
const JOBS_MAX = 32;
/** Requests of one client that may be wrong. */
const ERRORS_MAX = 16;
/** Bytes that may wait for a client that does not read. */
const BACKLOG_MAX = 8 << 20;

/** What a control socket serves. */
export interface ControlOptions {
  readonly kernel: Kernel;
  /** Path of the socket. */
  readonly path: string;
  readonly name: string;
  /** File that the stack was made from, for `ns ps`. */
  readonly config?: string;
  /** What the host lends to commands; files are the client's own. */
  readonly env?: CliEnv;
  /** Somebody asked for the end. */
  readonly onDown?: () => void;
}

/** A command that runs for a client. */
interface RunningJob {
  readonly job: CliJob;
}

/** A command wants to read a file that its request has not brought along. */
class NeedFile extends Error {
  readonly path: string;

  constructor(path: string) {
    super(path);
    this.path = path;
  }
}

/** One connection. */
class Client {
  private readonly server: ControlServer;
  private readonly socket: Socket;
  private readonly reader: LineReader;
  private readonly jobs: Map<number, RunningJob | null>;
  private nextFile: number;
  private errors: number;

  constructor(server: ControlServer, socket: Socket) {
    this.server = server;
    this.socket = socket;
    this.reader = new LineReader(REQUEST_MAX);
    this.jobs = new Map();
    this.nextFile = 0;
    this.errors = 0;
    socket.on('data', (chunk) => this.data(chunk));
    socket.on('error', () => this.gone());
    socket.on('close', () => this.gone());
    socket.write(encode({ ns: PROTOCOL_VERSION, name: server.options.name, pid: process.pid }));
  }

  /** Ends the connection after what has been said. */
  end(): void {
    this.socket.end();
  }

  private gone(): void {
    for (const j of [...this.jobs.values()]) j?.job.interrupt();
    this.jobs.clear();
    this.server.drop(this);
  }

  private data(chunk: Buffer): void {
    const lines = this.reader.push(chunk);
    if (lines === null) {
      this.refuse(`request longer than ${REQUEST_MAX} bytes`, true);
      return;
    }
    for (const line of lines) {
      if (this.socket.destroyed || this.socket.writableEnded) return;
      const r = parseRequest(line);
      if (typeof r === 'string') this.refuse(r, ++this.errors > ERRORS_MAX);
      else this.request(r);
    }
  }

  private refuse(why: string, close: boolean): void {
    this.send({ id: null, error: `bad request: ${why}` });
    if (close) this.socket.destroySoon();
  }

  private request(r: Request): void {
    switch (r.op) {
      case 'exec':
        this.exec(r);
        return;
      case 'interrupt':
        this.jobs.get(r.id)?.job.interrupt();
        return;
      case 'info':
        this.send({ id: r.id, info: this.server.info() });
        return;
      case 'down':
        this.send({ id: r.id, exit: 0 });
        this.server.options.onDown?.();
        return;
    }
  }

  private exec(r: Request & { op: 'exec' }): void {
    const { id } = r;
    if (this.jobs.has(id)) return this.send({ id, error: 'this id is in use' });
    if (this.jobs.size >= JOBS_MAX) return this.send({ id, error: 'too many commands at a time' });
    this.jobs.set(id, null);
    const text = (key: 'out' | 'err') => (s: string) => {
      for (let i = 0; i < s.length; i += CHUNK) this.send(key === 'out' ? { id, out: s.slice(i, i + CHUNK) } : { id, err: s.slice(i, i + CHUNK) });
    };
    const io = {
      out: text('out'),
      err: text('err'),
      exit: (code: number): void => {
        this.jobs.delete(id);
        this.send({ id, exit: code });
      },
    };
    try {
      const job = start(this.server.options.kernel, r.words, io, { env: this.env(id, r.files ?? {}), ...(r.jail !== null && { jail: r.jail }) });
      if (job.running) this.jobs.set(id, { job });
    } catch (e) {
      this.jobs.delete(id);
      if (e instanceof NeedFile) this.send({ id, need: e.path });
      else this.send({ id, error: `the command failed: ${e instanceof Error ? e.message : String(e)}` });
    }
  }

  /** Files that a command writes go to the client, which writes them with its own rights; those that it reads come from there in the same way. */
  private env(id: number, files: Readonly<Record<string, string | number>>): CliEnv {
    return {
      ...this.server.options.env,
      readFile: (path) => {
        if (!Object.hasOwn(files, path)) throw new NeedFile(path);
        return files[path] as string | number;
      },
      openFile: (path) => {
        const file = this.nextFile++;
        this.send({ id, file, open: path });
        return {
          write: (bytes) => {
            for (let i = 0; i < bytes.length; i += CHUNK) this.send({ id, file, data: Buffer.from(bytes.buffer, bytes.byteOffset + i, Math.min(CHUNK, bytes.length - i)).toString('base64') });
          },
          close: () => this.send({ id, file, close: true }),
        };
      },
    };
  }

  private send(a: Answer): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    this.socket.write(encode(a));
    if (this.socket.writableLength > BACKLOG_MAX) this.socket.destroy();
  }
}

/** Serves commands on a local socket that only its owner may use. */
export class ControlServer {
  readonly options: ControlOptions;
  private readonly server: Server;
  private readonly clients: Set<Client>;
  private readonly startedMs: number;

  constructor(options: ControlOptions) {
    this.options = options;
    this.clients = new Set();
    this.startedMs = Date.now();
    this.server = createServer((socket) => {
      if (this.clients.size >= CLIENTS_MAX) socket.destroy();
      else this.clients.add(new Client(this, socket));
    });
  }

  /** Binds the socket with mode 0600: the mask is set while the file comes into being, so that there is no moment at which others could connect. */
  async listen(): Promise<void> {
    try {
      await this.bind();
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw e;
      await this.removeStale();
      await this.bind();
    }
  }

  private bind(): Promise<void> {
    const { path } = this.options;
    return new Promise((done, fail) => {
      this.server.once('error', fail);
      const mask = process.platform === 'win32' ? null : process.umask(0o177);
      try {
        this.server.listen(path, () => {
          this.server.removeListener('error', fail);
          this.server.on('error', () => {});
          done();
        });
      } finally {
        if (mask !== null) process.umask(mask); // bind(2) has happened inside listen()
      }
    });
  }

  /** A socket that nobody listens on was left behind by a stack that died: it goes. */
  private async removeStale(): Promise<void> {
    const { path } = this.options;
    const before = lstatSync(path);
    if (!before.isSocket()) throw new NsError(`${path} exists and is no socket`);
    if (await answers(path)) throw new NsError(`a stack is already running on ${path}`);
    if (lstatSync(path).ino === before.ino) unlinkSync(path);
  }

  info(): Info {
    const { kernel, name, config } = this.options;
    return { name, pid: process.pid, uptime: Math.floor((Date.now() - this.startedMs) / 1000), jails: kernel.tryService(JAILS)?.count ?? 0, config: config ?? '' };
  }

  drop(client: Client): void {
    this.clients.delete(client);
  }

  /** Takes no more clients and ends the connections; the socket's file goes. */
  close(): Promise<void> {
    for (const c of this.clients) c.end();
    return new Promise((done) => {
      this.server.close(() => done());
    });
  }
}

/** Whether somebody listens on a socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const s = connect(path);
    s.once('connect', () => {
      s.destroy();
      done(true);
    });
    s.once('error', () => done(false));
  });
}
