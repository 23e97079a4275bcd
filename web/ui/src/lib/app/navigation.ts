import Activity from '@lucide/svelte/icons/activity';
import ChartLine from '@lucide/svelte/icons/chart-line';
import LayoutGrid from '@lucide/svelte/icons/layout-grid';
import RadioTower from '@lucide/svelte/icons/radio-tower';
import Shield from '@lucide/svelte/icons/shield';
import User from '@lucide/svelte/icons/user';
import Users from '@lucide/svelte/icons/users';
import type { Component } from 'svelte';
import { m } from '../text/index.svelte.ts';
import { router } from './routes.ts';
import { session } from './session.svelte.ts';

export interface Place {
  readonly href: string;
  readonly label: () => string;
  readonly icon: Component;
  /** Who sees it; everybody by default. */
  readonly for?: 'people' | 'administrators';
}

const places: readonly Place[] = [
  { href: '/', label: () => m.app.lobby(), icon: LayoutGrid },
  { href: '/compare', label: () => m.app.compare(), icon: ChartLine },
  { href: '/sense', label: () => m.app.sense(), icon: RadioTower },
  { href: '/rooms', label: () => m.app.rooms(), icon: Users, for: 'people' },
  { href: '/me', label: () => m.app.me(), icon: User, for: 'people' },
  { href: '/status', label: () => m.app.status(), icon: Activity },
  { href: '/admin', label: () => m.app.admin(), icon: Shield, for: 'administrators' },
];

/** Where whoever looks at the page can go. */
export function visiblePlaces(): readonly Place[] {
  const me = session.person;
  const may = (p: Place) => p.for === undefined || (p.for === 'people' ? me !== undefined : me?.is_admin === true);
  return places.filter((p) => may(p) && router.has(p.href));
}

/** Whether a place is where the page is: a room belongs to the rooms. */
export function isHere(href: string, path: string): boolean {
  if (href === '/') return path === '/' || path.startsWith('/sensors/');
  return path === href || path.startsWith(`${href}/`);
}
