import { Router, type Route } from './router.svelte.ts';

// The views of the app: each is code of its own, loaded when it is shown first.
// web/app.go has the same addresses; one that is missing there cannot be reloaded.
const routes: readonly Route[] = [
  { path: '/', load: () => import('../../views/Lobby.svelte') },
  { path: '/compare', load: () => import('../../views/Compare.svelte') },
  { path: '/sensors/:id', load: () => import('../../views/Sensor.svelte') },
  { path: '/sense', load: () => import('../../views/Sense.svelte') },
  { path: '/rooms', load: () => import('../../views/Rooms.svelte') },
  { path: '/rooms/:id', load: () => import('../../views/Room.svelte') },
  { path: '/rooms/:id/wall', load: () => import('../../views/RoomWall.svelte') },
  { path: '/me', load: () => import('../../views/Me.svelte') },
  { path: '/admin', load: () => import('../../views/Admin.svelte') },
  { path: '/status', load: () => import('../../views/Status.svelte') },
  { path: '/sign-in', load: () => import('../../views/SignIn.svelte') },
  { path: '/link', load: () => import('../../views/Link.svelte') },
  { path: '/device', load: () => import('../../views/Device.svelte') },
  { path: '/design', load: () => import('../../views/Design.svelte') },
];

/** The router of the page. */
export const router = new Router(routes);
