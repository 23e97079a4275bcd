// The token lives in this tab only, and never in a URL.
const key = "sensocto_token";

export const token = () => sessionStorage.getItem(key) ?? "";
export const keep = (text) => sessionStorage.setItem(key, text);

// Tabs of one browser tell each other when somebody has signed in or out: what
// they show is somebody else's then.
const tabs = new BroadcastChannel("sensocto_session");
export const tell = (word) => tabs.postMessage(word);
export const onChange = (f) => { tabs.onmessage = ({ data }) => f(data); };
export const forget = () => sessionStorage.removeItem(key);

export function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  return fetch(path, { ...options, headers, cache: "no-store" });
}

export function element(tag, attributes = {}, ...children) {
  const e = Object.assign(document.createElement(tag), attributes);
  e.append(...children);
  return e;
}
