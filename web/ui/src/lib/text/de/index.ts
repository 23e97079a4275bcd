export { app } from './app.ts';
export { design } from './design.ts';
export { signIn } from './signIn.ts';
export { lobby } from './lobby.ts';
export { sense } from './sense.ts';
