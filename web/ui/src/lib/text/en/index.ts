// English: each area adds a line here and in the other languages.
export { app } from './app.ts';
export { chart } from './chart.ts';
export { design } from './design.ts';
export { signIn } from './signIn.ts';
export { link } from './link.ts';
export { lobby } from './lobby.ts';
export { sensor } from './sensor.ts';
export { sense } from './sense.ts';
export { people } from './people.ts';
export { rooms } from './rooms.ts';
export { alerts } from './alerts.ts';
export { inbox } from './inbox.ts';
export { me } from './me.ts';
export { audit } from './audit.ts';
export { admin } from './admin.ts';
export { status } from './status.ts';
export { compare } from './compare.ts';
