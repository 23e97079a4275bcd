import { number, plural } from '../format.ts';

export const compare = {
  choose: () => 'What to compare',
  all: () => 'The same quantity of all sensors',
  allOf: (name: string, count: number) => `All ${number(count)}: ${name}`,
  search: () => 'Search sensors and attributes',
  noneFound: () => 'No sensor of this name measures something that can be compared.',
  more: (n: number) => `${number(n)} more ${plural(n, 'sensor', 'sensors')}: search for them.`,
  full: (most: number) => `${number(most)} traces at most. Take some away to add others.`,
  overlay: () => 'Overlay traces of the same kind',
  copy: () => 'Copy the link',
  copied: () => 'The link is in the clipboard. Who opens it sees what they may see of it.',
  inAddress: () => 'The link is in the address bar.',
  clear: () => 'Clear',
  cleared: () => 'Nothing is compared any more.',
  nothing: () => 'Nothing to compare yet',
  nothingText: () => 'Choose a quantity of all sensors with one click, or attributes one by one. All of them share one time axis.',
  missing: (ids: string) => `Not there, or not shared with you: ${ids}`,
};
