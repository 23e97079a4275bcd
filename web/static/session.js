// The token lives in this tab only, and never in a URL.
const key = "sensocto_token";

export const token = () => sessionStorage.getItem(key) ?? "";
export const keep = (text) => sessionStorage.setItem(key, text);

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
