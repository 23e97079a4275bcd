export { app } from './app.ts';
export { chart } from './chart.ts';
export { design } from './design.ts';
export { signIn } from './signIn.ts';
export { lobby } from './lobby.ts';
export { sensor } from './sensor.ts';
export { sense } from './sense.ts';
export { compare } from './compare.ts';
