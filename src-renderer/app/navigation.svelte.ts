import type { InspectorApi } from '@shared/contracts/app';
import type { JobId } from '@shared/contracts/saves';

export type Room = 'machines' | 'library' | 'inspector';
export type InspectorTarget = Parameters<InspectorApi['open']>[0];

/** Which view is shown. */
export class Navigation {
  room = $state<Room>('machines');
  /** The save whose progress fills the Machines room; null for the machines themselves. */
  job = $state<JobId | null>(null);
  /** What the inspector was last asked to open: a new object each time. */
  target = $state.raw<InspectorTarget | null>(null);

  go(room: Room): void {
    this.room = room;
    if (room === 'machines') this.job = null;
  }

  showJob(job: JobId): void {
    this.job = job;
    this.room = 'machines';
  }

  inspect(target: InspectorTarget): void {
    this.target = { ...target };
    this.room = 'inspector';
  }
}
