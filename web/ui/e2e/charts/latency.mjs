// From a device's send to the pixel: a device sends 0 or 1 twenty times a second and changes every 700 ms; the page
// looks in every frame for the step at the right edge of the chart of that sensor.
import { WebSocket } from 'ws';

/** A device on a socket of its own; resolves when it has joined. */
function device(url, id) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket/websocket?vsn=2.0.0`);
  let ref = 0;
  const push = (event, payload) => socket.send(JSON.stringify(['1', String(++ref), `sensocto:sensor:${id}`, event, payload]));
  return new Promise((resolve) => {
    socket.once('open', () =>
      push('phx_join', { connector_id: 'bench', connector_name: 'bench', sensor_id: id, sensor_name: id, sensor_type: 'bench', attributes: [{ attribute_id: 'step', sampling_rate: 20 }], sampling_rate: 20, batch_size: 1 }),
    );
    socket.once('message', () => resolve({ send: (payload) => push('measurement', { attribute_id: 'step', payload, timestamp: Date.now() }), close: () => socket.close() }));
  });
}

/** In the page: times (Unix ms) of the frames in which the level at the right edge of the trace changed. */
function watchEdge() {
  window.changes = [];
  let high;
  const look = () => {
    const canvas = document.querySelector('[aria-roledescription=chart] canvas');
    const ratio = devicePixelRatio;
    const x = canvas.width - Math.round(18 * ratio) - 1; // the last column of the plot
    const { data, height } = canvas.getContext('2d').getImageData(x, 0, 1, canvas.height);
    let y = -1;
    for (let i = 0; i < height && y < 0; i++) if (data[4 * i + 2] - data[4 * i] > 60) y = i;
    if (y >= 0) {
      const now = y < height / 2;
      if (high !== undefined && now !== high) window.changes.push(Date.now());
      high = now;
    }
    requestAnimationFrame(look);
  };
  look();
}

export async function latencies(tab, url, steps) {
  const source = await device(url, 'latency');
  const sent = [];
  let [level, n] = [0, 0];
  const timer = setInterval(() => {
    if (++n % 14 === 0) {
      level = 1 - level;
      sent.push(Date.now());
    }
    source.send(level);
  }, 50);
  await tab.waitForTimeout(1000);
  await tab.goto(`${url}/sensors/latency`);
  await tab.getByRole('button', { name: 'Pause' }).waitFor();
  await tab.waitForTimeout(3000); // both levels are on the screen
  await tab.evaluate(watchEdge);
  await tab.waitForTimeout(700 * steps);
  const changes = await tab.evaluate(() => window.changes);
  clearInterval(timer);
  source.close();
  // The first change that the page saw belongs to the newest step before it; each further one to the next step, however late it comes.
  const first = sent.findLastIndex((s) => s <= changes[0]);
  return changes.flatMap((at, i) => (first + i < sent.length ? [at - sent[first + i]] : []));
}
