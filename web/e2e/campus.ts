/** A whole campus for one test: a simulator, a daemon with its own folder and ports, accounts, and the way to end them all. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './until';

const CONFIG = fileURLToPath(new URL('../../tests/campus', import.meta.url));
export const PASSWORD = 'demo';

export interface Account { id: string; name: string; role: 'operator' | 'supervisor' | 'engineer' | 'guard' | 'school'; recipient?: string }
export const ACCOUNTS: Record<string, Account> = {
  operator: { id: 'operator', name: '张伟', role: 'operator' },
  leader: { id: 'leader', name: '周敏', role: 'supervisor', recipient: 'duty-lead' },
  director: { id: 'director', name: '陈建国', role: 'supervisor', recipient: 'director' },
  school: { id: 'school', name: '高老师', role: 'school' },
  post2: { id: 'post2', name: '王强', role: 'guard', recipient: 'post2' },
  warden: { id: 'warden', name: '孙磊', role: 'guard', recipient: 'warden' },
};

function binary(variable: string): string {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} must name a built binary`);
  return path;
}

/** A port that was free a moment ago; the daemon needs the same one again after a restart. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** Starts a program and waits for the one line of JSON with its addresses. */
async function started(path: string, args: string[]): Promise<{ child: ChildProcess; said: Record<string, string>; log: string[] }> {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RUST_LOG: 'info', RUST_BACKTRACE: '1' } });
  const log: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const first = new Promise<string>((resume, fail) => {
    createInterface({ input: child.stdout }).once('line', resume);
    child.once('exit', (code) => fail(new Error(`${path} ended with ${code}:\n${log.slice(-20).join('\n')}`)));
  });
  return { child, said: JSON.parse(await first) as Record<string, string>, log };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill(signal);
  await over;
}

export class Campus {
  private daemon: ChildProcess | null = null;
  private log: string[] = [];

  private constructor(
    private readonly folder: string,
    private readonly simulator: ChildProcess,
    private readonly control: string,
    private readonly ports: { http: number; mqtt: number; websocket: number },
  ) {}

  /** `accounts` are names of ACCOUNTS; `daemon` are changes of fengsui.toml. */
  static async start(accounts: string[], daemon: [string, string][] = []): Promise<Campus> {
    const free = ['--control', '127.0.0.1:0', '--panel', '127.0.0.1:0', '--io', '127.0.0.1:0'];
    const simulator = await started(binary('FENGSUI_SIM_BIN'), ['campus', '--layout', 'small', ...free]);
    const folder = await mkdtemp(join(tmpdir(), 'fengsui-e2e-'));
    const ports = { http: await freePort(), mqtt: await freePort(), websocket: await freePort() };
    const { panel, io, control } = simulator.said;
    const campus = new Campus(folder, simulator.child, `http://${control}`, ports);
    try {
      await cp(CONFIG, campus.config, { recursive: true, dereference: true });
      await mkdir(join(folder, 'data'));
      await campus.edit('site.toml', [['127.0.0.1:15020', String(panel)], ['127.0.0.1:15021', String(io)]]);
      await campus.edit('fengsui.toml', [
        ['"../demo"', JSON.stringify(join(folder, 'data'))],
        ['127.0.0.1:8080', `127.0.0.1:${ports.http}`],
        ['"127.0.0.1:1883"', `"127.0.0.1:${ports.mqtt}"`],
        ['127.0.0.1:8083', `127.0.0.1:${ports.websocket}`],
        ...daemon,
      ]);
      for (const name of accounts) await campus.addAccount(name);
      await campus.run();
      return campus;
    } catch (failed) {
      await campus.stop();
      throw failed;
    }
  }

  get http(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  private get config(): string {
    return join(this.folder, 'config');
  }

  private async edit(file: string, changes: [string, string][]): Promise<void> {
    const path = join(this.config, file);
    let text = await readFile(path, 'utf8');
    for (const [before, after] of changes) {
      if (!text.includes(before)) throw new Error(`${file} has no ${before}`);
      text = text.replaceAll(before, after);
    }
    await writeFile(path, text);
  }

  private async addAccount(name: string): Promise<void> {
    const account = ACCOUNTS[name];
    if (!account) throw new Error(`no account ${name}`);
    const file = join(this.folder, 'password');
    await writeFile(file, `${PASSWORD}\n`, { mode: 0o600 });
    const recipient = account.recipient ? ['--recipient', account.recipient] : [];
    const args = ['user', 'add', account.id, '--name', account.name, '--role', account.role, ...recipient, '--password-file', file];
    const done = spawnSync(binary('FENGSUI_BIN'), [...args, '--config', this.config], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`user add ${account.id}: ${done.stderr}${done.stdout}`);
  }

  /** Starts the daemon and waits until it is ready. */
  async run(): Promise<void> {
    const daemon = await started(binary('FENGSUI_BIN'), ['run', '--config', this.config]);
    this.daemon = daemon.child;
    this.log = daemon.log;
    await until('the daemon is ready and all lines are up', async () => {
      const status = (await (await fetch(`${this.http}/api/v1/status`)).json()) as { ready: boolean; links: { up: number; total: number } };
      return status.ready && status.links.total > 0 && status.links.up === status.links.total;
    });
  }

  /** As a power cut would: no goodbye. */
  async kill(): Promise<void> {
    if (this.daemon) await ended(this.daemon, 'SIGKILL');
    this.daemon = null;
  }

  /** Something happens on the campus. */
  async sim<T = unknown>(path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.control}${path}`, {
      method: 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`simulator ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async simState<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.control}${path}`)).json()) as T;
  }

  /** Last lines of the daemon's log, for a failure's message. */
  get lastLog(): string {
    return this.log.slice(-40).join('\n');
  }

  async stop(): Promise<void> {
    if (this.daemon) await ended(this.daemon, 'SIGTERM');
    await ended(this.simulator, 'SIGTERM');
    await rm(this.folder, { recursive: true, force: true });
  }
}
