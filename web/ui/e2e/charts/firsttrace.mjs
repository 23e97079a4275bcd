// From a navigation to a trace on the screen.

/** In the page: when something of a trace was on the screen, in ms from the navigation. */
function watchTraces() {
  const draws = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...a) {
    draws.apply(this, a);
    if (!window.firstTrace && this.lineJoin === 'bevel') window.firstTrace = new Promise((r) => requestAnimationFrame(() => setTimeout(() => r(performance.now()))));
  };
}

export async function firstTrace(context, url) {
  const tab = await context.newPage();
  await tab.addInitScript(watchTraces);
  await tab.goto(url);
  return (await tab.waitForFunction(() => window.firstTrace)).jsonValue();
}
