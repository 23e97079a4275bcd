const key = 'sensocto.linking';
const goodMS = 60_000; // the server answers at once; whoever went on to the service is not asked anything more

/**
 * Whether this tab began to link a sign-in service. Any site can send a browser to the
 * page where linking ends: what is done there goes on only for who began it here.
 */
export const linking = {
  begin: (): void => sessionStorage.setItem(key, String(Date.now())),
  /** Whether it was begun just now; it counts once. */
  take(): boolean {
    const begun = Number(sessionStorage.getItem(key) ?? NaN);
    sessionStorage.removeItem(key);
    return Math.abs(Date.now() - begun) < goodMS;
  },
};
