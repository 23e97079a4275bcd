/**
 * The join code in what somebody typed, pasted or scanned: a link with #join=, or
 * the code itself. Undefined where it is neither.
 */
export function joinCodeIn(text: string): string | undefined {
  const link = /#join=([^&\s]+)/.exec(text);
  const code = (link ? decode(link[1] ?? '') : text).replace(/[\s-]/g, '').toUpperCase();
  return /^[0-9A-Z]{6,32}$/.test(code) ? code : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
