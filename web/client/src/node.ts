/** What only Node has: an outbox in files. */

export { FileStore } from "./outbox/file.js";
