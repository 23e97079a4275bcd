// The real program, started for a test in a directory of its own. Whatever
// happens in the test, the server is stopped and the directory removed. The tests
// of web/client use it too: each test runner says with cleanUpWith what runs after
// a test.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const binary = fileURLToPath(new URL("../bin/sensocto", import.meta.url));
const running = new Set<ChildProcess>();

// A test runner that is ended leaves nothing running.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

type Cleanup = () => void | Promise<void>;

let afterTest: (cleanup: Cleanup) => void = () => {
  throw new Error("nothing would stop the server: call cleanUpWith in a setup file");
};

/** Says how a cleanup is registered that runs after the test: the runner's onTestFinished. */
export function cleanUpWith(register: (cleanup: Cleanup) => void): void {
  afterTest = register;
}

/** The environment without settings of whoever runs the tests. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("SENSOCTO_")));
}

/** Runs a command to its end and returns what it printed. It throws if the command fails. */
export async function sensocto(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = { env: { ...environment(), ...env }, maxBuffer: 64 << 20, timeout: 60_000 };
  const { stdout } = await promisify(execFile)(binary, args, options);
  return stdout;
}

/** A directory that is removed after the test. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), "sensocto-e2e-"));
  afterTest(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A server; it can be stopped and started again on the same port and data. */
export class Program {
  readonly dataDir: string;
  url = "";
  log = ""; // of all its runs
  private listen = "127.0.0.1:0";
  private child: ChildProcess | undefined;

  private constructor(private readonly flags: string[]) {
    if (!existsSync(binary)) throw new Error(`${binary} is missing: run make build`);
    this.dataDir = temporaryDirectory();
    afterTest(async () => void (await this.kill()));
  }

  static async start(...flags: string[]): Promise<Program> {
    const program = new Program(flags);
    await program.start();
    return program;
  }

  async start(): Promise<void> {
    const args = ["serve", "--listen", this.listen, "--data-dir", this.dataDir, ...this.flags];
    const child = spawn(binary, args, { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.stderr.on("data", (text) => (this.log += text));
    this.url = await new Promise((resolve, reject) => {
      let out = "";
      child.stdout.on("data", (text) => {
        out += text;
        const end = out.indexOf("\n");
        if (end >= 0) resolve(out.slice(0, end));
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${this.log}`)));
    });
    this.listen = new URL(this.url).host; // a restart keeps the port
  }

  /** Asks the server to end and returns its exit code. */
  stop = () => this.end("SIGTERM");

  /** Ends the server as a power cut would. */
  kill = () => this.end("SIGKILL");

  /** Has the server do nothing at all until goOn, as a machine that is overloaded. */
  hang = () => this.child?.kill("SIGSTOP");
  goOn = () => this.child?.kill("SIGCONT");

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    return ended;
  }

  /** Makes a token with `sensocto token create`, beside the running server. */
  async token(scope: string, name = scope): Promise<string> {
    return (await sensocto(["token", "create", "--name", name, "--scope", scope, "--data-dir", this.dataDir])).trim();
  }

  async revoke(name: string): Promise<void> {
    await sensocto(["token", "revoke", name, "--data-dir", this.dataDir]);
  }

  /** The WebSocket endpoint as the official client wants it, without /websocket. */
  get socketURL(): string {
    return `${this.url.replace(/^http/, "ws")}/socket`;
  }

  /** Gets from the API with a token; it throws for anything but success. */
  async get(path: string, token: string, accept = "application/json"): Promise<string> {
    const answer = await fetch(this.url + path, { headers: { Authorization: `Bearer ${token}`, Accept: accept } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.text();
  }
}
