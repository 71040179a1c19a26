import http, { type Agent } from 'node:http';
import { once } from 'node:events';
import type net from 'node:net';
import { httpAgent, type NetModule, serve } from '@ns/sock-node';

/*
 * A program as its author wrote it: an HTTP server that keeps notes, a client, and a greeting over a plain socket. It knows `node:http` and something of the shape of `node:net`,
 * and nothing of stacks.
 */

/** A guestbook on a free port of `address`. */
export async function guestbook(net: NetModule, address: string): Promise<net.Server> {
  const notes: string[] = [];
  const server = http.createServer(async (req, res) => {
    if (req.method === 'POST') {
      let text = '';
      for await (const part of req) text += String(part);
      notes.push(text);
      res.writeHead(201).end();
    } else res.end(JSON.stringify({ notes, from: req.socket.remoteAddress }));
  });
  const listener = serve(net, server);
  listener.listen(0, address);
  await once(listener, 'listening');
  return listener;
}

/** Leaves a note, then reads the book. */
export async function visit(net: NetModule, address: string, port: number, note: string): Promise<string> {
  const agent = httpAgent(net, { keepAlive: true });
  await request(agent, { host: address, port, method: 'POST' }, note);
  const book = await request(agent, { host: address, port, method: 'GET' }, '');
  agent.destroy();
  return book;
}

async function request(agent: Agent, where: http.RequestOptions, body: string): Promise<string> {
  const req = http.request({ ...where, agent });
  req.end(body);
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const part of res) text += String(part);
  return text;
}
