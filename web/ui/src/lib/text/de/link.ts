import type { link as en } from '../en/link.ts';
import type { Translation } from '../translation.ts';

const rights: Readonly<Record<string, string>> = {
  view: 'die Sensoren und Räume sehen, die Sie sehen',
  ingest: 'Messwerte bringen und ändern, was Sie ändern dürfen',
  admin: 'diesen Server verwalten',
};

export const link: Translation<typeof en> = {
  title: (kind) =>
    ({ setup: 'Konto der Verwaltung anlegen', invite: 'Sie sind eingeladen', reset: 'Neues Passwort setzen', email: 'E-Mail-Adresse bestätigen' })[kind],
  why: (kind) =>
    ({
      setup: 'Wer diesen Link benutzt, verwaltet den Server. Er gilt einmal.',
      invite: 'Legen Sie Ihr Konto an. Der Link gilt einmal.',
      reset: 'Alle jetzt angemeldeten Geräte werden abgemeldet, und alle Tokens enden.',
      email: 'Die Adresse gehört dann dem Konto, das danach gefragt hat. Fahren Sie nur fort, wenn Sie das waren.',
    })[kind],
  forAddress: (email) => `Für ${email}.`,
  until: (when) => `Der Link gilt bis ${when}.`,
  instead: (name) => `Sie sind als ${name} angemeldet. Dieser Link meldet Sie ab.`,
  create: () => 'Konto anlegen',
  setPassword: () => 'Passwort setzen',
  confirm: () => 'Adresse bestätigen',
  confirmed: () => 'Die Adresse ist bestätigt.',
  gone: () => 'Dieser Link gilt nicht mehr',
  goneText: (kind) =>
    ({
      setup: 'Er ist abgelaufen, oder das Konto der Verwaltung gibt es schon. Solange es keines gibt, druckt der Server bei jedem Start einen neuen Link.',
      invite: 'Er ist abgelaufen, oder es wurde schon ein Konto damit angelegt. Waren Sie das, melden Sie sich an. Sonst fragen Sie, wer Sie eingeladen hat, nach einem neuen Link.',
      reset: 'Er ist abgelaufen, oder es wurde schon ein Passwort damit gesetzt. Waren Sie das, melden Sie sich damit an. Sonst fordern Sie einen neuen Link an.',
      email: 'Er ist abgelaufen oder wurde benutzt. Ist die Adresse noch nicht bestätigt, lassen Sie unter Ich einen neuen Link an sie schicken.',
    })[kind],
  newReset: () => 'Neuen Link anfordern',
  toMe: () => 'Zu meinem Konto',
  notRead: () => 'Der Link ließ sich nicht prüfen',
  linked: () => 'Der Anmeldedienst ist verknüpft: Ab jetzt können Sie sich damit anmelden.',
  confirmNeeded: () => 'Zum Verknüpfen müssen Sie in den letzten 15 Minuten gezeigt haben, wer Sie sind.',
  device: () => 'Ein Programm anmelden',
  deviceText: () => 'Ein Programm wie „sensocto login“ zeigt einen Code. Geben Sie ihn ein, um zu sehen, welches Programm fragt.',
  deviceCode: () => 'Code',
  deviceShow: () => 'Programm zeigen',
  deviceSignIn: () => 'Melden Sie sich an, um ein Programm einzulassen',
  deviceAsks: (address, me) => `möchte sich von ${address} aus als ${me} anmelden. Es wird Folgendes können:`,
  deviceRight: (scope) => (Object.hasOwn(rights, scope) ? rights[scope]! : scope),
  deviceWarning: () => 'Lassen Sie es nur ein, wenn Sie es gerade selbst gestartet haben und es diesen Code zeigt. Niemand, der ein Recht dazu hat, schickt Ihnen einen Code.',
  deviceYes: () => 'Einlassen',
  deviceNo: () => 'Nicht einlassen',
  deviceIn: (name) => `${name} meldet sich als Sie an. Sie können dorthin zurückkehren.`,
  deviceOut: () => 'Es wurde nicht eingelassen. Sein Code endet von selbst.',
  deviceAnother: () => 'Anderen Code eingeben',
};
