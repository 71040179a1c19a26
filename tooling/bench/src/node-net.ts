import { once } from 'node:events';
import net from 'node:net';

/** Milliseconds that a throughput or rate is measured for. */
export const MEASURE_MS = 1500;
/** Milliseconds of the same before it counts: until the engine has compiled what is busy, which takes a connection's whole life longest. */
export const WARMUP_MS = 1500;

/** Whether rates are per second of processor time: for a machine with other work to do. */
const BY_CPU = process.argv.includes('--cpu');

/** Starts to measure; the result says how many seconds have gone since, by the clock or, with `--cpu`, of this process's processor time. */
export function stopwatch(): () => number {
  const cpu = process.cpuUsage();
  const t0 = performance.now();
  return () => {
    const used = process.cpuUsage(cpu);
    return BY_CPU ? (used.user + used.system) / 1e6 : (performance.now() - t0) / 1000;
  };
}

/** The part of `node:net` that the benches use: the real one, or ours. */
export interface NetLike {
  createServer(listener: (s: net.Socket) => void): net.Server;
  connect(options: { port: number; host: string }): net.Socket;
}

async function listen(nt: NetLike, host: string, onSocket: (s: net.Socket) => void): Promise<{ server: net.Server; port: number }> {
  const server = nt.createServer(onSocket);
  server.listen(0, host);
  await once(server, 'listening');
  return { server, port: (server.address() as net.AddressInfo).port };
}

/** MB/s that a stream of 64 KiB writes brings to 'data' listeners. */
export async function bulkOverStreams(server: NetLike, client: NetLike, host: string): Promise<number> {
  let received = 0;
  const { server: srv, port } = await listen(server, host, (s) => s.on('data', (d) => (received += d.length)));
  const s = client.connect({ port, host });
  await once(s, 'connect');
  const chunk = Buffer.alloc(65536, 'x');
  let stop = false;
  const pump = (): void => {
    while (!stop && s.write(chunk));
  };
  s.on('drain', pump);
  pump();
  await sleep(WARMUP_MS);
  const from = received;
  const seconds = stopwatch();
  await sleep(MEASURE_MS);
  const rate = (received - from) / 1e6 / seconds();
  stop = true;
  s.destroy();
  srv.close();
  return rate;
}

/** One-byte round trips a second. */
export async function rttOverStreams(server: NetLike, client: NetLike, host: string): Promise<number> {
  const { server: srv, port } = await listen(server, host, (s) => {
    s.setNoDelay(true);
    s.on('data', (d) => s.write(d));
  });
  const s = client.connect({ port, host });
  await once(s, 'connect');
  s.setNoDelay(true);
  let count = 0;
  let stop = false;
  const byte = Buffer.from('x');
  s.on('data', () => {
    count++;
    if (!stop) s.write(byte);
  });
  s.write(byte);
  await sleep(WARMUP_MS);
  const from = count;
  const seconds = stopwatch();
  await sleep(MEASURE_MS);
  const rate = (count - from) / seconds();
  stop = true;
  s.destroy();
  srv.close();
  return rate;
}

/** Connections a second: connect, one byte there and back, close by both; `width` of them at a time. */
export async function connectOverStreams(server: NetLike, client: NetLike, host: string, width: number): Promise<number> {
  const { server: srv, port } = await listen(server, host, (s) => {
    s.on('error', () => {});
    s.on('data', (d) => s.end(d));
  });
  const byte = Buffer.from('x');
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const s = client.connect({ port, host });
      let got = 0;
      s.on('connect', () => s.write(byte));
      s.on('data', (d) => (got += d.length));
      s.on('end', () => s.end());
      s.on('error', reject);
      s.on('close', () => (got === 1 ? resolve() : reject(new Error(`echo of ${got} bytes`))));
    });
  let done = 0;
  let stop = false;
  const worker = async (): Promise<void> => {
    while (!stop) {
      await one();
      done++;
    }
  };
  await one(); // alone, until the neighbour is known
  const workers = Array.from({ length: width }, worker);
  await sleep(WARMUP_MS);
  const from = done;
  const seconds = stopwatch();
  await sleep(MEASURE_MS);
  const rate = (done - from) / seconds();
  stop = true;
  await Promise.all(workers);
  srv.close();
  return rate;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
