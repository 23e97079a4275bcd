import './lib/design/tokens.css';
import './lib/design/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { connection } from './lib/app/connection.svelte.ts';
import { router } from './lib/app/routes.ts';
import { session } from './lib/app/session.svelte.ts';
import { keepForOffline } from './lib/app/updates.ts';
import { theme } from './lib/design/theme.svelte.ts';
import { prepareFormats } from './lib/text/format.ts';
import { text } from './lib/text/index.svelte.ts';

theme.start();
connection.start();
router.start();
void router.route?.load().catch(() => undefined); // beside the texts and not behind them; View says what failed
session.start();
await text.start();
document.getElementById('start')?.remove();
mount(App, { target: document.body });
setTimeout(() => void keepForOffline(), 3000); // it fetches the whole app: the first view comes first
setTimeout(prepareFormats);
