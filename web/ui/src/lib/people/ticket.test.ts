import { expect, test } from 'vitest';
import { readTicket, ticketIn, ticketLink } from './ticket.ts';

const encode = (content: object) => `sensocto-room-${Buffer.from(JSON.stringify(content)).toString('base64url')}`;
const ticket = encode({ v: 1, room: '0199d2b7-0000-7000-8000-000000000000', name: 'Schlaflabor Größe ÿ', doc: 'docaaa', invite: 'AAAA' });

test.each([
  [ticket, ticket],
  [`  ${ticket}\n`, ticket],
  [`https://sensors.example.org/rooms#ticket=${ticket}`, ticket],
  [`Come in: http://127.0.0.1:4000/rooms#ticket=${ticket} – Ada`, ticket],
  ['ABCDE-12345', undefined],
  ['sensocto-room-', undefined],
  ['', undefined],
])('the ticket in %s', (typed, found) => expect(ticketIn(typed)).toBe(found));

test('a ticket says which room it is for, and whether it admits', () => {
  expect(readTicket(ticket)).toEqual({ roomId: '0199d2b7-0000-7000-8000-000000000000', roomName: 'Schlaflabor Größe ÿ', admits: true });
  expect(readTicket(encode({ room: 'x' }))).toEqual({ roomId: 'x', roomName: '', admits: false });
});

test.each([ticket.slice(0, -9), 'sensocto-room-e30', 'sensocto-room-%%%', 'sensocto-room-bnVsbA'])('%s is damaged', (text) => expect(readTicket(text)).toBeUndefined());

test.each([
  ['https://lab.example.org', `https://lab.example.org/rooms#ticket=${ticket}`],
  [' lab.example.org/rooms ', `https://lab.example.org/rooms#ticket=${ticket}`],
  ['http://192.168.1.7:4000', `http://192.168.1.7:4000/rooms#ticket=${ticket}`],
  ['localhost:4000', `https://localhost:4000/rooms#ticket=${ticket}`],
  ['javascript:alert(1)', undefined],
  ['', undefined],
])('a link at %s', (address, link) => expect(ticketLink(address, ticket)).toBe(link));
