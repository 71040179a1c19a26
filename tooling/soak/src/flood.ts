import { exec } from '@ns/cli';
import { Callout } from '@ns/callout';
import { EWOULDBLOCK } from '@ns/errno';
import { type Ifnet, ifunit } from '@ns/ifnet';
import { IFNET_KPI } from '@ns/ifnet-kpi';
import { SeededRandom } from '@ns/kern';
import { type Socket, soclose, soreceiveBytes, sosendCopy } from '@ns/socket';
import { lab, type Lab } from '@ns/testkit';
import { AF_INET, type InAddr, parseInAddr, TH_SYN } from '@ns/wire';
import { FrameBuilder } from './frame.ts';
import type { Outcome, SoakOptions } from './outcome.ts';

/** What the process may hold, heap and buffers, while the flood lasts. */
const MEMORY_LIMIT = 48 << 20;
const PORT = 5001;
/** SYNs between two looks at the clock: 100,000 a second. */
const BATCH = 1000;
const BATCH_US = 10_000;
/** To the honest client, µs. */
const DELAY_US = 100_000;
/** MSS 1460, SACK permitted, window scale 7. */
const SYN_OPTIONS = Uint8Array.of(2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7);
const QUESTION = Uint8Array.of(1, 2, 3, 4, 5);

declare const gc: () => void;

function memory(): number {
  gc();
  const m = process.memoryUsage();
  return m.heapUsed + m.external;
}

/** Connects as a user would, asks, hears the answer, closes. Returns what went wrong. */
function served(l: Lab): string {
  let c;
  try {
    c = l.connect({ from: 'b', port: PORT, limitUs: 60e6 });
  } catch (e) {
    return (e as Error).message;
  }
  sosendCopy(c.client, null, QUESTION, 0, QUESTION.length, 0);
  const heard = (so: Socket): boolean => {
    const buf = new Uint8Array(64);
    const n = soreceiveBytes(so, buf, 0, buf.length, 0);
    return n !== -EWOULDBLOCK && n === QUESTION.length;
  };
  const { client, server } = c;
  const ok = l.until(() => heard(server), 60e6);
  soclose(client);
  soclose(server);
  return ok ? '' : 'what the honest client sent did not arrive';
}

/** Sends SYNs to the listener at side a as fast as {@link BATCH} and {@link BATCH_US} say, in virtual time, whatever else goes on. */
class Flooder {
  sent: number;
  private readonly lab: Lab;
  private readonly syns: number;
  private readonly frames: FrameBuilder;
  private readonly random: SeededRandom;
  private readonly ifp: Ifnet;
  private readonly callout: Callout<Flooder>;

  constructor(l: Lab, syns: number) {
    const ifp = ifunit(l.a.vnet, l.a.ifname);
    const peer = ifunit(l.b.vnet, l.b.ifname);
    if (ifp?.lladdr == null || peer?.lladdr == null) throw new Error('no interface');
    this.sent = 0;
    this.lab = l;
    this.syns = syns;
    this.frames = new FrameBuilder(parseInAddr(l.a.addr) as InAddr, ifp.lladdr, peer.lladdr);
    this.random = new SeededRandom(20261128);
    this.ifp = ifp;
    this.callout = new Callout<Flooder>((f) => f.burst(), this);
    this.burst();
  }

  /** The next SYN: from anywhere, or (one of sixteen) from a neighbour. */
  private syn(): Uint8Array {
    const r = this.random;
    const near = (r.u32() & 15) === 0;
    if (this.lab.a.af === AF_INET) this.frames.from(0, 0, 0, near ? (10 << 24) | (3 + ((r.u32() >>> 0) % 250)) : (44 << 24) | (r.u32() & 0xffffff));
    else this.frames.from(0x20010db8, near ? 0 : r.u32() | 1, r.u32(), r.u32());
    return this.frames.build({ sport: 1024 + ((r.u32() >>> 0) % 60000), dport: PORT, seq: r.u32(), ack: 0, flags: TH_SYN, win: 65535, options: SYN_OPTIONS });
  }

  private burst(): void {
    const { kernel } = this.lab.a;
    const kpi = kernel.service(IFNET_KPI);
    for (let i = 0; i < BATCH && this.sent < this.syns; i++, this.sent++) {
      const m = kernel.mbufs.fromBytes(this.syn(), 16);
      if (m === null) throw new Error('the pool is empty');
      kpi.ifInput(this.ifp.handle, m);
    }
    if (this.sent < this.syns) kernel.callouts.reset(this.callout, BATCH_US);
  }
}

/**
 * SYNs to one listener from everywhere, a sixteenth of them from neighbours that do not exist; meanwhile an honest client, a fifth of a second away, connects again and again. By the
 * time that its ACK comes, its entry has been displaced, so it is served by its cookie.
 */
export function flood(options: SoakOptions, say: (o: Outcome) => void): void {
  for (const family of ['inet', 'inet6'] as const) say(one(family, options.syns ?? 1_000_000));
}

function one(family: 'inet' | 'inet6', syns: number): Outcome {
  const l = lab({ seed: 1, family, poison: false, link: { delayUs: DELAY_US } });
  const { jail, kernel } = l.a;
  const route = exec(kernel, `route add ${family === 'inet' ? '' : '-inet6 '}default ${l.b.addr}`, { jail: jail.name });
  if (route.code !== 0) throw new Error(route.stderr);
  const problems: string[] = [];
  const note = (when: string): void => {
    const problem = served(l);
    if (problem !== '') problems.push(`${when}: ${problem}`);
  };
  note('before the flood');
  const flooder = new Flooder(l, syns);
  let most = 0;
  let clients = 0;
  while (flooder.sent < syns) {
    note(`after ${flooder.sent} SYNs`);
    clients++;
    most = Math.max(most, memory());
  }
  if (most > MEMORY_LIMIT) problems.push(`${mebi(most)} MiB held`);
  const s = l.a.tcp.stat;
  const seen = s.scAdded + s.scDropped + s.scSendcookie + s.scDupsyn;
  if (seen < syns) problems.push(`${seen} of ${syns} SYNs came to the syncache`);
  problems.push(...l.finish());
  return {
    name: `flood ${family}`,
    problem: problems.join('; '),
    detail: `${syns} SYNs, ${clients} honest clients, at most ${mebi(most)} MiB, ${s.scBucketoverflow} entries displaced, ${s.scRecvcookie} cookies honoured`,
  };
}

const mebi = (bytes: number): string => (bytes / 1048576).toFixed(1);
