import type { signIn as en } from '../en/signIn.ts';
import type { Translation } from '../translation.ts';

const oidcErrors: Readonly<Record<string, string>> = {
  account_disabled: 'Dieses Konto ist gesperrt: Fragen Sie die Verwaltung.',
  email_taken: 'Es gibt schon ein Konto mit Ihrer E-Mail-Adresse. Melden Sie sich dort an und verknüpfen Sie dann den Anmeldedienst.',
  identity_taken: 'Diese Identität gehört zu einem anderen Konto.',
  invitation_needed: 'Für ein Konto brauchen Sie hier eine Einladung.',
  issuer_away: 'Der Anmeldedienst antwortet nicht: Versuchen Sie es später noch einmal.',
  issuer_refused: 'Der Anmeldedienst hat nicht bestätigt, wer Sie sind: Versuchen Sie es noch einmal.',
  oidc_off: 'Dieser Server hat keinen Anmeldedienst.',
  registration_closed: 'Sie haben hier kein Konto, und niemand kann eines anlegen: Fragen Sie die Verwaltung.',
  sign_in_cancelled: 'Die Anmeldung wurde abgebrochen.',
  sign_in_expired: 'Die Anmeldung dauerte zu lange oder begann in einem anderen Browser: Versuchen Sie es noch einmal.',
  too_many_attempts: 'Zu viele Versuche: Warten Sie eine Minute und versuchen Sie es dann noch einmal.',
  wrong_issuer: 'Die Antwort kam von einem anderen Anmeldedienst: Versuchen Sie es noch einmal.',
};

export const signIn: Translation<typeof en> = {
  signIn: () => 'Anmelden',
  signUp: () => 'Konto anlegen',
  guest: () => 'Als Gast fortfahren',
  token: () => 'Zugangstoken verwenden',
  name: () => 'Name',
  nameHint: () => 'Andere sehen ihn.',
  email: () => 'E-Mail-Adresse',
  password: () => 'Passwort',
  newPasswordHint: () => 'Am besten ein paar Wörter, die niemand errät.',
  tokenLabel: () => 'Zugangstoken',
  tokenHint: () => 'Bleibt nur in diesem Tab.',
  guestWhy: () => 'Für einen Tag, nur mit einem Namen. Sie sehen, was andere mit Ihnen teilen.',
  tokenWhy: () => 'Der Betreiber dieses Servers erstellt eines mit: sensocto token create',
  why: () => 'Ihre Sensoren, Ihre Räume und was andere mit Ihnen teilen.',
  passkey: () => 'Mit Passkey anmelden',
  passkeyAt: (origin) => `Mit Passkey anmelden auf ${origin}`,
  oidc: (name) => `Mit ${name} anmelden`,
  or: () => 'oder',
  haveAccount: () => 'Ich habe ein Konto',
  forgotten: () => 'Passwort vergessen?',
  forgottenWhy: () => 'Wenn es ein Konto mit dieser Adresse gibt, schicken wir einen Link dorthin. Er gilt eine Stunde.',
  sendLink: () => 'Link schicken',
  linkSent: () => 'Wenn es ein Konto mit dieser Adresse gibt, ist ein Link unterwegs.',
  noAccount: () => 'Kein Konto? Die Verwaltung dieses Servers kann Sie einladen.',
  noMail: () => 'Passwort vergessen? Die Verwaltung dieses Servers kann einen Link für ein neues erstellen.',
  welcome: (name) => `Willkommen, ${name}`,
  passkeyError: (why) =>
    ({
      cancelled: 'Es wurde kein Passkey verwendet: Es dauerte zu lange, wurde abgebrochen, oder dieses Gerät hat keinen für diesen Server.',
      exists: 'Dieses Gerät hat schon einen Passkey für dieses Konto.',
      failed: 'Der Browser lieferte keinen Passkey: Versuchen Sie es noch einmal.',
    })[why],
  oidcError: (code) => (Object.hasOwn(oidcErrors, code) ? oidcErrors[code] : undefined) ?? 'Die Anmeldung hat nicht geklappt: Versuchen Sie es noch einmal.',
};
