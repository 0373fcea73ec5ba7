/**
 * Leave to use a file that main holds open. `path` is `/proc/PID/fd/N` of main, so that the worker reopens the very same
 * inode with flags of its own, even if the name is gone; `dev` and `ino` are what it must find there.
 */
export interface Lease {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  /** What to call the file in messages. */
  readonly name: string;
  /** Where the stream starts, from `FILE,offset=SIZE`; null: find it. */
  readonly streamOffset: number | null;
}
