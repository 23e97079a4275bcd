// Tickets of rooms: text that begins with a word of its own, alone or behind #ticket= of a link. docs/p2p.md.

const text = /sensocto-room-[A-Za-z0-9_-]+/;

/** The ticket in what somebody typed, pasted or scanned; undefined where there is none. */
export const ticketIn = (typed: string): string | undefined => text.exec(typed)?.[0];

/** What a ticket says of itself: the server that is asked decides. */
export interface TicketContent {
  readonly roomId: string;
  readonly roomName: string;
  /** Its bearer becomes a member or a guest; otherwise they only read. */
  readonly admits: boolean;
}

/** Reads a ticket; undefined where it is damaged, such as one that was not copied whole. */
export function readTicket(ticket: string): TicketContent | undefined {
  try {
    const encoded = ticket.slice('sensocto-room-'.length).replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(encoded), (c) => c.codePointAt(0)!);
    const t = JSON.parse(new TextDecoder().decode(bytes)) as { room?: unknown; name?: unknown; invite?: unknown };
    if (typeof t.room !== 'string') return undefined;
    return { roomId: t.room, roomName: typeof t.name === 'string' ? t.name : '', admits: t.invite !== undefined };
  } catch {
    return undefined;
  }
}

/**
 * A link that opens a ticket at a server; undefined where the address is none. The ticket stands behind the #, so that no
 * server and no log has it.
 */
export function ticketLink(address: string, ticket: string): string | undefined {
  try {
    const typed = address.trim();
    const { protocol, origin } = new URL(/^https?:\/\//i.test(typed) ? typed : `https://${typed}`);
    return /^https?:$/.test(protocol) ? `${origin}/rooms#ticket=${ticket}` : undefined;
  } catch {
    return undefined;
  }
}
