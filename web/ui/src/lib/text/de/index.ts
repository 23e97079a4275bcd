export { app } from './app.ts';
export { design } from './design.ts';
