import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import type { Fixture } from './fixture-file.ts';

/** What a download brought. */
export interface Download {
  readonly bytes: number;
  readonly sha256: string;
  /** Megabytes (10^6 bytes) a second. */
  readonly goodput: number;
}

/** The file server: a plain Node HTTP server that knows nothing of the sockets below it. */
export function fileServer(file: Fixture): http.Server {
  return http.createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.bytes });
    createReadStream(file.path, { highWaterMark: 1 << 18 }).pipe(res);
  });
}

/** Downloads over HTTP and hashes what comes. */
export function download(options: http.RequestOptions, onBytes: (total: number) => void): Promise<Download> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const hash = createHash('sha256');
    let bytes = 0;
    const req = http.get({ path: '/file.bin', ...options }, (res) => {
      if (res.statusCode !== 200) {
        reject(new Error(`HTTP status ${String(res.statusCode)}`));
        return;
      }
      res.on('data', (d: Buffer) => {
        hash.update(d);
        bytes += d.length;
        onBytes(bytes);
      });
      res.on('error', reject);
      res.on('end', () => {
        const seconds = (performance.now() - started) / 1000;
        resolve({ bytes, sha256: hash.digest('hex'), goodput: bytes / 1e6 / seconds });
      });
    });
    req.on('error', reject);
  });
}
