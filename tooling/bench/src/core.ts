import { SOCK_STREAM } from '@ns/inpcb';
import { mFreem, mLength } from '@ns/mbuf';
import {
  SO_ACCEPT,
  SO_CONNECTED,
  SO_RCV_READY,
  SO_SND_READY,
  sobind,
  type Socket,
  soclose,
  soconnect,
  socreate,
  solisten,
  solistenDequeue,
  soreceiveBytes,
  soreceiveChain,
  sosendBytes,
  sosendCopy,
  type SoUpcall,
} from '@ns/socket';
import type { StackJail } from '@ns/stack';
import { anyAddr } from '@ns/route';
import { parseInAddr, Sockaddr, type InAddr } from '@ns/wire';
import { MEASURE_MS, sleep, stopwatch, WARMUP_MS } from './node-net.ts';
import type { Pair } from './pair.ts';

const PORT = 5001;

function must<T>(v: T | number, what: string): T {
  if (typeof v === 'number') throw new Error(`${what}: errno ${v}`);
  return v;
}

function check(errno: number, what: string): void {
  if (errno !== 0) throw new Error(`${what}: errno ${errno}`);
}

/** A listening socket of the server; `accept` gets each connection. */
function listen({ server: jail, af }: Pair, accept: (so: Socket) => void): Socket {
  const lso = must(socreate(jail.vnet, af, SOCK_STREAM, 0, jail.cred), 'socreate');
  check(sobind(lso, new Sockaddr(anyAddr(af), PORT), jail.cred), 'sobind');
  check(solisten(lso, -1), 'solisten');
  lso.upcall = {
    soupcall: (_so, events): void => {
      if ((events & SO_ACCEPT) === 0) return;
      for (;;) {
        const so = solistenDequeue(lso);
        if (typeof so === 'number') return;
        accept(so);
      }
    },
  };
  return lso;
}

/** A socket of the client that connects to `to`. */
function connect(jail: StackJail, to: Sockaddr, upcall: SoUpcall): Socket {
  const so = must(socreate(jail.vnet, to.addr.af, SOCK_STREAM, 0, jail.cred), 'socreate');
  so.upcall = upcall;
  check(soconnect(so, to, jail.cred), 'soconnect');
  return so;
}

const serverAt = (pair: Pair): Sockaddr => new Sockaddr(parseInAddr(pair.address) as InAddr, PORT);

async function ratePerSecond(count: () => number): Promise<number> {
  await sleep(WARMUP_MS);
  const from = count();
  const seconds = stopwatch();
  await sleep(MEASURE_MS);
  return (count() - from) / seconds();
}

/** MB/s of one connection that sends 64 KiB blocks by reference. */
export async function bulk(pair: Pair): Promise<number> {
  let received = 0;
  listen(pair, (so) => {
    so.upcall = {
      soupcall: (): void => {
        for (let m = soreceiveChain(so, 1 << 20, 0); m !== null; m = soreceiveChain(so, 1 << 20, 0)) {
          received += mLength(m);
          mFreem(m);
        }
      },
    };
    so.upcall.soupcall(so, SO_RCV_READY);
  });
  const block = new Uint8Array(65536).fill(0x78);
  connect(pair.client, serverAt(pair), {
    soupcall: (so, events): void => {
      if ((events & (SO_CONNECTED | SO_SND_READY)) !== 0) while (sosendBytes(so, block, 0, block.length, null, undefined, 0) > 0);
    },
  });
  return (await ratePerSecond(() => received)) / 1e6;
}

/** One-byte round trips a second. */
export async function rtt(pair: Pair): Promise<number> {
  let trips = 0;
  const byte = new Uint8Array(1);
  listen(pair, (so) => {
    so.upcall = {
      soupcall: (): void => {
        if (soreceiveBytes(so, byte, 0, 1, 0) === 1) sosendCopy(so, null, byte, 0, 1, 0);
      },
    };
    so.upcall.soupcall(so, SO_RCV_READY);
  });
  connect(pair.client, serverAt(pair), {
    soupcall: (so, events): void => {
      if ((events & SO_CONNECTED) !== 0) sosendCopy(so, null, byte, 0, 1, 0);
      if (soreceiveBytes(so, byte, 0, 1, 0) !== 1) return;
      trips++;
      sosendCopy(so, null, byte, 0, 1, 0);
    },
  });
  return ratePerSecond(() => trips);
}

/** One connection of the connect bench, at the server: echoes a byte, then closes. */
class EchoOnce implements SoUpcall {
  private readonly byte: Uint8Array;

  constructor(byte: Uint8Array) {
    this.byte = byte;
  }

  soupcall(so: Socket): void {
    const n = soreceiveBytes(so, this.byte, 0, 1, 0);
    if (n !== 1) return;
    sosendCopy(so, null, this.byte, 0, 1, 0);
    soclose(so);
  }
}

/** At the client: sends a byte, wants it back, then the end. */
class AskOnce implements SoUpcall {
  private readonly byte: Uint8Array;
  private got: number;
  private readonly done: (ok: boolean) => void;

  constructor(byte: Uint8Array, done: (ok: boolean) => void) {
    this.byte = byte;
    this.got = 0;
    this.done = done;
  }

  soupcall(so: Socket, events: number): void {
    if ((events & SO_CONNECTED) !== 0) sosendCopy(so, null, this.byte, 0, 1, 0);
    for (;;) {
      const n = soreceiveBytes(so, this.byte, 0, 1, 0);
      if (n === 1) {
        this.got++;
        continue;
      }
      if (n === 0) {
        soclose(so);
        this.done(this.got === 1);
      }
      return;
    }
  }
}

/** Connections a second: connect, one byte there and back, close by both; `width` at a time. */
export async function connects(pair: Pair, width: number): Promise<number> {
  const byte = new Uint8Array(1);
  const echo = new EchoOnce(byte);
  let count = 0;
  const to = serverAt(pair);
  listen(pair, (so) => {
    so.upcall = echo;
    echo.soupcall(so);
  });
  const again = (): void => {
    connect(
      pair.client,
      to,
      new AskOnce(byte, (ok) => {
        if (!ok) throw new Error('a connection closed without its echo');
        count++;
        for (; open < width; open++) again();
        again();
      }),
    );
  };
  // The others follow the first: until the neighbour is known, few packets wait for it, and SYNs that are dropped come again after a second.
  let open = 1;
  again();
  return ratePerSecond(() => count);
}

/** Bytes of heap for each of `n` idle established pairs. */
export async function memory(pair: Pair, n: number): Promise<number> {
  const accepted: Socket[] = [];
  const opened: Socket[] = [];
  let connected = 0;
  listen(pair, (so) => accepted.push(so));
  const upcall: SoUpcall = { soupcall: (_so, events) => void (connected += (events & SO_CONNECTED) !== 0 ? 1 : 0) };
  const to = serverAt(pair);
  const before = await settledHeap();
  for (let i = 0; i < n; i++) {
    opened.push(connect(pair.client, to, upcall));
    if (i % 64 === 63) await sleep(0);
  }
  while (connected < n || accepted.length < n) await sleep(10);
  const after = await settledHeap();
  return (after - before) / n;
}

/** Bytes of heap and of buffers when garbage has been collected. */
export async function settledHeap(): Promise<number> {
  const gc = (globalThis as { gc?: () => void }).gc;
  for (let i = 0; i < 3; i++) {
    await sleep(20);
    gc?.();
  }
  const m = process.memoryUsage();
  return m.heapUsed + m.arrayBuffers;
}
