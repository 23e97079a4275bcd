/** Keeps the screen on while the page is visible, where the browser can; the function that it returns ends that. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let over = false;
  const ask = async () => {
    if (over || document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    const given = await navigator.wakeLock.request('screen').catch(() => undefined); // a low battery refuses it
    if (over) void given?.release();
    else lock = given;
  };
  const again = () => void ask();
  document.addEventListener('visibilitychange', again); // a hidden page loses it
  again();
  return () => {
    over = true;
    document.removeEventListener('visibilitychange', again);
    void lock?.release();
  };
}
