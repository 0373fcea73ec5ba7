/** What a VM is like from outside, through a second monitor: to compare before and after. Imports nothing from src-*. */
import { withMonitor } from './guest-memory';

export interface VmState {
  readonly status: string;
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly parameters: unknown;
  readonly fdsets: readonly unknown[];
  /** What is registered for yank: a migration that has not been taken down is. */
  readonly migrations: number;
}

/** Everything that a save changes on a VM, and must put back. */
export function readVmState(toolsSocket: string): Promise<VmState> {
  return withMonitor(toolsSocket, async (monitor) => {
    const capabilities = await monitor.qmp<{ capability: string; state: boolean }[]>('query-migrate-capabilities');
    const yank = await monitor.qmp<{ type: string }[]>('query-yank');
    return {
      status: await monitor.status(),
      capabilities: Object.fromEntries(capabilities.map(({ capability, state }) => [capability, state])),
      parameters: await monitor.qmp('query-migrate-parameters'),
      fdsets: await monitor.qmp<unknown[]>('query-fdsets'),
      migrations: yank.filter(({ type }) => type === 'migration').length,
    };
  });
}
