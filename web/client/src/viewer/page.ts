/** What can be told of the page: `Viewer` and `SensorView` are such. */
export interface Looking {
  setVisible(visible: boolean): Promise<void>;
  setBattery(level: number, charging: boolean): Promise<void>;
}

interface Battery extends EventTarget {
  level: number;
  charging: boolean;
}

const ignore = () => undefined; // it is told again after the next join

/** Reports whether the page is visible, and the battery where the browser tells. The function that it returns ends that. */
export function followPage(viewer: Looking): () => void {
  const ending = new AbortController();
  const tell = () => void viewer.setVisible(document.visibilityState !== "hidden").catch(ignore);
  document.addEventListener("visibilitychange", tell, { signal: ending.signal });
  if (document.visibilityState === "hidden") tell();
  void followBattery(viewer, ending.signal).catch(ignore);
  return () => ending.abort();
}

async function followBattery(viewer: Looking, signal: AbortSignal): Promise<void> {
  const { getBattery } = navigator as { getBattery?: () => Promise<Battery> };
  const battery = await getBattery?.call(navigator);
  if (!battery || signal.aborted) return;
  const tell = () => void viewer.setBattery(battery.level, battery.charging).catch(ignore);
  for (const event of ["levelchange", "chargingchange"]) battery.addEventListener(event, tell, { signal });
  tell();
}
