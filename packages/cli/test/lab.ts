import { type VirtualHost, virtualHost } from '@ns/kern';
import type { Kernel } from '@ns/kern';
import { sobind, type Socket, soconnect, socreate, SOCK_STREAM, solisten, sosendCopy } from '@ns/socket';
import { createStack, defaultModules } from '@ns/stack';
import { JAILS } from '@ns/vnet';
import { AF_INET, parseInAddr, Sockaddr } from '@ns/wire';
import { type CliEnv, type CliJob, type CliResult, exec, start } from '../src/index.ts';

/** What a command that takes time has said so far. */
export interface Started {
  readonly job: CliJob;
  out: string;
  err: string;
  code: number | null;
}

/** The whole stack in virtual time, and a shell on it. */
export class Lab {
  readonly host: VirtualHost = virtualHost({ seed: 5 });
  readonly kernel: Kernel = createStack({ host: this.host }).kernel;
  readonly env: CliEnv = { process: { command: 'node', pid: 811 }, findModule: (name) => defaultModules().find((m) => m.name === name) ?? null };

  /** Runs a command line in a jail (the host without one) and lets its consequences happen. */
  sh(line: string | readonly string[], jail?: string): CliResult {
    const r = exec(this.kernel, line, { env: this.env, ...(jail !== undefined && { jail }) });
    this.host.settle();
    return r;
  }

  /** The output of a command that must succeed in silence on the error output. */
  out(line: string, jail?: string): string {
    const r = this.sh(line, jail);
    if (r.code !== 0 || r.stderr !== '') throw new Error(`${line}: ${r.code}: ${r.stderr}`);
    return r.stdout;
  }

  /** Exit code and error output of a command. */
  fails(line: string, jail?: string): string {
    const r = this.sh(line, jail);
    return `${r.code}: ${r.stderr.trimEnd()}`;
  }

  start(line: string, jail?: string, env: CliEnv = this.env): Started {
    const s: { -readonly [K in keyof Started]: Started[K] } = { job: { running: true, interrupt: () => {} }, out: '', err: '', code: null };
    s.job = start(
      this.kernel,
      line,
      {
        out: (t) => void (s.out += t),
        err: (t) => void (s.err += t),
        exit: (c) => void (s.code = c),
      },
      { env, ...(jail !== undefined && { jail }) },
    );
    this.host.settle();
    return s;
  }

  /** Jails `a` and `b`, joined by an epair: 10.0.0.1 and 10.0.0.2. */
  pair(): this {
    this.out('ifconfig epair create');
    this.out('jail -q -c name=a vnet persist host.hostname=a.example vnet.interface=epair0a');
    this.out('jail -q -c name=b vnet persist host.hostname=b.example vnet.interface=epair0b');
    this.out('ifconfig epair0a 10.0.0.1/24', 'a');
    this.out('ifconfig epair0b 10.0.0.2/24', 'b');
    return this;
  }

  private socket(jail: string): Socket {
    const j = this.kernel.service(JAILS).findByName(jail)!;
    return ok(socreate(j.vnet, AF_INET, SOCK_STREAM, 0, j.cred));
  }

  listen(jail: string, port: number): Socket {
    const so = this.socket(jail);
    ok(sobind(so, new Sockaddr(parseInAddr('0.0.0.0')!, port), so.cred) || solisten(so, 5));
    return so;
  }

  connect(jail: string, to: string, port: number, from: string, sport: number): Socket {
    const so = this.socket(jail);
    ok(sobind(so, new Sockaddr(parseInAddr(from)!, sport), so.cred) || soconnect(so, new Sockaddr(parseInAddr(to)!, port), so.cred));
    this.host.settle();
    return so;
  }

  send(so: Socket, bytes: number): void {
    sosendCopy(so, null, new Uint8Array(bytes), 0, bytes, 0);
    this.host.settle();
  }
}

function ok<T>(v: T | number): T {
  if (typeof v === 'number' && v !== 0) throw new Error(`errno ${v}`);
  return v as T;
}
