// Names of what the classes of this package say to each other: no property of an application collides with them.

/** Of a {@link HandleOwner}: the connection attempt ended. */
export const kConnected: unique symbol = Symbol('connected');
/** Of a {@link HandleOwner}: there is something to read, or the end, or an error. */
export const kReadable: unique symbol = Symbol('readable');
/** Of a {@link HandleOwner}: there may be room to write. */
export const kWritable: unique symbol = Symbol('writable');
/** Of a {@link HandleOwner}: a connection waits. */
export const kAcceptable: unique symbol = Symbol('acceptable');
/** Of a socket: here is the handle of the connection attempt under way. */
export const kUseHandle: unique symbol = Symbol('useHandle');
/** Of a socket: the attempt has succeeded. */
export const kEstablished: unique symbol = Symbol('established');
/** Of a socket: something has happened, the timeout begins anew. */
export const kActive: unique symbol = Symbol('active');
/** Of a server: one of its connections has ended. */
export const kConnectionEnded: unique symbol = Symbol('connectionEnded');
