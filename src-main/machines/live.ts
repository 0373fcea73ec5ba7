/** The connection to one running VM: its state as QEMU tells it, its screen, its end. */
import { fail, failureOf, StillframeError, type Failure } from '@shared/contracts/failure';
import type { MachineFacts, MachineState } from '@shared/contracts/machines';
import { isMigrating, queryStatus, readFacts, readSaveBlocked } from '../qemu/facts';
import { complaintIn, readTail } from '../qemu/launch';
import { isAlive, killProcess, waitForEnd, type ProcessIdentity } from '../qemu/proc';
import { connectQmp, type QmpConnection } from '../qemu/qmp';
import { isHeld } from '../qemu/socket-holder';
import type { QmpEvent } from '../services';
import type { Crash } from './known';

/** How long a QEMU that closed its monitor may take to end before it counts as alive but lost. */
const END_GRACE_MS = 3_000;
const QUIT_MS = 5_000;
const GREETING_MS = 2_000;
const HELD_GREETING_MS = 400;
/** How often a monitor that does not answer is tried again. */
const RETRY_MS = 2_000;
/** Events after which `query-status` may say something new. */
const STATE_EVENTS = new Set([
  'STOP',
  'RESUME',
  'SUSPEND',
  'WAKEUP',
  'MIGRATION',
  'GUEST_PANICKED',
  'BLOCK_IO_ERROR',
  'WATCHDOG',
]);

export interface LiveOptions {
  readonly name: string;
  /** The sockets to try, the preferred one first. */
  readonly sockets: readonly string[];
  /** null for an attached VM whose process is not visible from here. */
  readonly identity: ProcessIdentity | null;
  /** Where its stderr goes; null for an attached VM. */
  readonly log: string | null;
  /** The facts as last seen, until QEMU has said them anew. */
  readonly facts: MachineFacts | null;
  readonly changed: () => void;
  /** Called once; `crash` is null for a VM that ended in order. `quit` waits for it. */
  readonly ended: (crash: Crash | null) => Promise<void>;
}

export class LiveVm {
  state: MachineState = 'starting';
  trouble: Failure | null = null;
  facts: MachineFacts | null;
  qmp: QmpConnection | null = null;
  private over = false;
  private orderlyEnd = false;
  /** Whether somebody was connected to the end: its SHUTDOWN event would have been heard. */
  private watched = false;
  private connecting: Promise<void> | null = null;
  private lastAttempt = 0;
  private settleEnded: () => void = () => undefined;
  private readonly endedPromise = new Promise<void>((resolve) => {
    this.settleEnded = resolve;
  });

  constructor(private readonly options: LiveOptions) {
    this.facts = options.facts;
  }

  get identity(): ProcessIdentity | null {
    return this.options.identity;
  }

  usesSocket(path: string): boolean {
    return this.options.sockets.includes(path);
  }

  /** Takes over an open connection; closes it again when QEMU does not answer on it. */
  async use(qmp: QmpConnection): Promise<void> {
    this.qmp = qmp;
    this.watched = true;
    qmp.onEvent((event) => this.onEvent(event));
    void qmp.closed.then((why) => this.onClosed(qmp, why));
    try {
      this.facts = await readFacts(qmp);
      await this.readState();
    } catch (error) {
      if (this.qmp === qmp) this.qmp = null;
      qmp.close();
      throw error;
    }
  }

  /** Brings the state up to date: connects if there is no connection, asks QEMU if there is one. Never rejects. */
  async refresh(): Promise<void> {
    if (this.over) return;
    if (this.qmp === null) {
      if (Date.now() - this.lastAttempt < RETRY_MS && this.connecting === null) return;
      this.connecting ??= this.connect().finally(() => {
        this.connecting = null;
      });
      await this.connecting;
    } else {
      // A connection that ended is `onClosed`'s; what is left is a QEMU that does not answer in time.
      await this.readState().catch((error: unknown) => {
        if (!(error instanceof StillframeError && error.failure.code === 'qemu.gone')) this.lose(error);
      });
    }
  }

  /** The connection, newly made if need be; throws what stands in its way. */
  async connected(): Promise<QmpConnection> {
    if (this.qmp === null) {
      this.lastAttempt = 0;
      await this.refresh();
    }
    if (this.qmp !== null) return this.qmp;
    if (this.trouble !== null) throw new StillframeError(this.trouble);
    throw fail('machine.wrong-state', 'talking to the VM', `${this.options.name} is not running`, 'Start it first.');
  }

  /** Throws `machine.wrong-state` while somebody, maybe another program, migrates or saves the VM. */
  async refuseWhileMigrating(qmp: QmpConnection, doing: string): Promise<void> {
    if (!(await isMigrating(qmp))) return;
    throw fail(
      'machine.wrong-state',
      doing,
      `Another program is saving or migrating ${this.options.name}`,
      'Wait until it is done, or cancel it there.',
    );
  }

  /** Asks why a save would be refused and keeps it in the facts. */
  async readBlocked(): Promise<void> {
    if (this.qmp === null || this.facts === null) return;
    const saveBlocked = await readSaveBlocked(this.qmp).catch(() => this.facts?.saveBlocked ?? null);
    if (this.facts.saveBlocked === saveBlocked) return;
    this.facts = { ...this.facts, saveBlocked };
    this.options.changed();
  }

  /** Ends QEMU: `quit`, and SIGKILL after 5 s. Resolves when it is gone and `ended` was called. */
  async quit(): Promise<void> {
    this.orderlyEnd = true;
    const qmp = await this.connected().catch(() => null);
    await qmp?.execute('quit', undefined, { timeoutMs: 2_000 }).catch(() => undefined);
    const { identity } = this.options;
    if (identity !== null && !(await waitForEnd(identity, qmp === null ? 0 : QUIT_MS))) await killProcess(identity);
    if (identity !== null) this.finish(null);
    else if (qmp === null) throw cannotEnd();
    await this.endedPromise;
  }

  /** Lets go of the VM, which runs on. */
  release(): void {
    this.over = true;
    this.qmp?.close();
    this.qmp = null;
  }

  private async connect(): Promise<void> {
    this.lastAttempt = Date.now();
    const { identity } = this.options;
    if (identity !== null && !(await isAlive(identity))) {
      this.finish(await this.howItEnded());
      return;
    }
    let trouble: unknown = null;
    for (const { socket, greetingMs } of await inOrder(this.options.sockets)) {
      try {
        const qmp = await connectQmp(socket, { greetingMs });
        if (this.over) qmp.close();
        else await this.use(qmp);
        return;
      } catch (error) {
        trouble ??= error;
      }
    }
    const gone = trouble instanceof StillframeError && trouble.failure.code === 'qemu.gone';
    if (identity === null && gone) this.finish(await this.howItEnded());
    else this.lose(trouble);
  }

  private async readState(): Promise<void> {
    if (this.qmp === null) return;
    const { status } = await queryStatus(this.qmp);
    this.enter(stateOf(status), troubleOf(status));
  }

  private enter(state: MachineState, trouble: Failure | null): void {
    if (this.over || (state === this.state && trouble?.what === this.trouble?.what)) return;
    const changed = state !== this.state;
    this.state = state;
    this.trouble = trouble;
    this.options.changed();
    if (changed) void this.readBlocked();
  }

  private lose(error: unknown): void {
    if (this.over) return;
    this.enter('lost', failureOf(error, 'talking to the VM'));
  }

  private onEvent(event: QmpEvent): void {
    if (event.event === 'SHUTDOWN') this.orderlyEnd = true;
    if (STATE_EVENTS.has(event.event)) void this.readState().catch(() => undefined);
  }

  private async onClosed(qmp: QmpConnection, why: Error): Promise<void> {
    if (this.qmp !== qmp || this.over) return;
    this.qmp = null;
    const { identity } = this.options;
    const gone = identity === null || (await waitForEnd(identity, END_GRACE_MS));
    if (gone) {
      this.finish(await this.howItEnded());
    } else {
      this.watched = false;
      this.lose(why);
    }
  }

  private async howItEnded(): Promise<Crash | null> {
    if (this.orderlyEnd) return null;
    return crashFrom(this.options.log === null ? '' : await readTail(this.options.log), this.watched);
  }

  private finish(crash: Crash | null): void {
    if (this.over) return;
    this.over = true;
    this.qmp?.close();
    this.qmp = null;
    void this.options.ended(crash).finally(() => this.settleEnded());
  }
}

function cannotEnd(): StillframeError {
  return fail(
    'machine.wrong-state',
    'ending the VM',
    'Its monitor does not answer and its process is not visible',
    'End it where it runs.',
  );
}

/**
 * What a VM's stderr says of its end. `watched`: Stillframe was connected when it ended without a SHUTDOWN event, so it was
 * no orderly end whatever stderr says. Without a witness stderr is all there is, and its warnings at the start are no
 * reason.
 */
export function crashFrom(stderr: string, watched: boolean): Crash | null {
  const said = complaintIn(stderr);
  if (!watched && said === null) return null;
  return {
    what: said === null ? 'Its QEMU ended unexpectedly and said nothing' : `Its QEMU ended: ${said}`,
    detail: stderr,
  };
}

/**
 * Sockets nobody holds first, so that none is waited for while another is free. One that is held gets a moment, not the
 * whole time for a greeting: its client may just be leaving.
 */
async function inOrder(
  sockets: readonly string[],
): Promise<readonly { readonly socket: string; readonly greetingMs: number }[]> {
  const probed = await Promise.all(
    sockets.map(async (socket) => ({ socket, greetingMs: (await isHeld(socket)) ? HELD_GREETING_MS : GREETING_MS })),
  );
  return probed.sort((a, b) => b.greetingMs - a.greetingMs);
}

/** QEMU's run states (qapi/run-state.json, RunState) as a person sees them. */
export function stateOf(status: string): MachineState {
  switch (status) {
    case 'running':
      return 'running';
    // The guest put itself to sleep (ACPI S3); to QEMU it is live.
    case 'suspended':
      return 'running';
    case 'inmigrate':
      return 'starting';
    case 'postmigrate':
      return 'stopped-after-save';
    default:
      return 'paused';
  }
}

const STOPPED_BECAUSE: Readonly<Record<string, readonly [what: string, todo: string]>> = {
  'io-error': ['The guest is stopped: a disk reported an error', 'Make room or mend the disk, then resume.'],
  'internal-error': ['The guest is stopped: QEMU met an internal error', 'Power it off; its QEMU can go no further.'],
  'guest-panicked': ['The guest is stopped: its kernel panicked', 'Save it to look into it, or power it off.'],
  shutdown: ['The guest has shut down; its QEMU waits', 'Power it off.'],
  watchdog: ['The guest is stopped: its watchdog ran out', 'Resume it, or power it off.'],
};

function troubleOf(status: string): Failure | null {
  const entry = STOPPED_BECAUSE[status];
  if (entry === undefined) return null;
  return { code: 'machine.wrong-state', doing: 'running the guest', what: entry[0], where: {}, todo: entry[1] };
}
