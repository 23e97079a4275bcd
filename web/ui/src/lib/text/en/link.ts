export type LinkKind = 'setup' | 'invite' | 'reset' | 'email';

export const link = {
  title: (kind: LinkKind) =>
    ({ setup: 'Create the administrator’s account', invite: 'You are invited', reset: 'Set a new password', email: 'Confirm your e-mail address' })[kind],
  why: (kind: LinkKind) =>
    ({
      setup: 'Whoever uses this link administers the server. It works once.',
      invite: 'Create your account. The link works once.',
      reset: 'All devices that are signed in now will be signed out, and all tokens end.',
      email: 'The address then belongs to the account that asked for it. Continue only if you asked.',
    })[kind],
  forAddress: (email: string) => `For ${email}.`,
  until: (when: string) => `The link works until ${when}.`,
  instead: (name: string) => `You are signed in as ${name}. Using this link signs you out.`,
  create: () => 'Create the account',
  setPassword: () => 'Set the password',
  confirm: () => 'Confirm the address',
  confirmed: () => 'The address is confirmed.',
  gone: () => 'This link no longer works',
  goneText: (kind: LinkKind) =>
    ({
      setup: 'It has expired, or the administrator’s account exists already. As long as there is none, each start of the server prints a new link.',
      invite: 'It has expired, or an account was created with it. If that was you, sign in. Otherwise ask whoever invited you for a new link.',
      reset: 'It has expired, or a password was set with it. If you set it, sign in with that password. Otherwise get a new link.',
      email: 'It has expired, or was used. If the address is not confirmed yet, have another link sent to it under Me.',
    })[kind],
  newReset: () => 'Get a new link',
  toMe: () => 'To my account',
  notRead: () => 'The link could not be checked',
  linked: () => 'The sign-in service is linked: from now on you can sign in with it.',
  confirmNeeded: () => 'Linking takes that you showed within 15 minutes who you are.',
  device: () => 'Sign in a program',
  deviceText: () => 'A program such as “sensocto login” shows a code. Enter it to see which program asks.',
  deviceCode: () => 'Code',
  deviceShow: () => 'Show the program',
  deviceSignIn: () => 'Sign in to let a program in',
  deviceAsks: (address: string, me: string) => `asks, from ${address}, to sign in as ${me}. It will be able to:`,
  deviceRight: (scope: string) =>
    Object.hasOwn(rights, scope) ? rights[scope as keyof typeof rights] : scope,
  deviceWarning: () => 'Let it sign in only if you started it just now and it shows this code. Nobody who is entitled to it sends you a code.',
  deviceYes: () => 'Let it sign in',
  deviceNo: () => 'Do not let it in',
  deviceIn: (name: string) => `${name} signs in as you. You can go back to it.`,
  deviceOut: () => 'It was not let in. Its code ends by itself.',
  deviceAnother: () => 'Enter another code',
};

const rights = {
  view: 'see the sensors and rooms that you see',
  ingest: 'bring measurements, and change what you may change',
  admin: 'administer this server',
};
