/** What a step of segment processing says. 0 means: go on to the next one. The names are BSD's labels. */
export type Verdict = 0 | 1 | 2 | 3;
/** Go on. */
export const CONTINUE = 0;
/** Done with the segment; nothing is to be sent on account of it. */
export const DROP = 1;
/** Done with the segment; tell the peer where we are. */
export const DROP_AFTER_ACK = 2;
/** Nobody takes the segment: answer with a RST. */
export const DROP_WITH_RESET = 3;
