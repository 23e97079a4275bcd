// The design system: what views are built from. /design shows all of it.
export { default as Badge } from './Badge.svelte';
export { default as Button } from './Button.svelte';
export { default as Card } from './Card.svelte';
export { default as Dialog } from './Dialog.svelte';
export { default as EmptyState } from './EmptyState.svelte';
export { default as ErrorState } from './ErrorState.svelte';
export { default as Field } from './Field.svelte';
export { default as IconButton } from './IconButton.svelte';
export { default as Menu, type MenuItem } from './Menu.svelte';
export { default as Progress } from './Progress.svelte';
export { default as Select } from './Select.svelte';
export { default as Switch } from './Switch.svelte';
export { default as Table } from './Table.svelte';
export { default as Tabs } from './Tabs.svelte';
export { default as Toaster } from './Toaster.svelte';
export { default as Tooltip } from './Tooltip.svelte';
export { theme, type ThemeChoice } from './theme.svelte.ts';
export { toasts, type Toast } from './toasts.svelte.ts';
