import type { Swi } from '@ns/kern';
import type { Socket } from './socket.ts';

/**
 * Sockets with events to tell, each once, oldest first. Linked by `upcallNext`: nothing is allocated.
 * @public
 */
export class UpcallQueue {
  private head: Socket | null;
  private tail: Socket | null;
  private readonly swi: Swi;
  private readonly id: number;

  constructor(swi: Swi) {
    this.head = null;
    this.tail = null;
    this.swi = swi;
    this.id = swi.register('socket', (budget) => this.work(budget));
  }

  /** Notes `events` for the upcall of `so`. */
  post(so: Socket, events: number): void {
    if (so.upcall === null) return;
    so.upcallEvents |= events;
    if (so.upcallNext !== null) return;
    so.upcallNext = so;
    if (this.tail === null) this.head = so;
    else this.tail.upcallNext = so;
    this.tail = so;
    this.swi.schedule(this.id);
  }

  /** Gives the software interrupt back. */
  destroy(): void {
    this.swi.deregister(this.id);
  }

  private work(budget: number): number {
    let done = 0;
    for (; done < budget; done++) {
      const so = this.head;
      if (so === null) break;
      const next = so.upcallNext as Socket;
      this.head = next === so ? null : next;
      if (this.head === null) this.tail = null;
      so.upcallNext = null;
      const events = so.upcallEvents;
      so.upcallEvents = 0;
      if (so.upcall !== null && events !== 0) so.upcall.soupcall(so, events);
    }
    return done;
  }
}
