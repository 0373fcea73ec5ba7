import type { Failure } from '../contracts/failure';
import type { Problem, Severity } from '../contracts/inspect';

/** Words of `Problem.code`. */
export type ProblemCode =
  /** The file ends inside something that it promises. */
  | 'truncated'
  /** A field has a value that no QEMU writes. */
  | 'bad-value'
  /** Legal, but not known here. */
  | 'unsupported'
  /** The stream has no CONFIGURATION: what its records hold was told from their bytes. */
  | 'no-configuration'
  /** A structure is where the format allows it, but no QEMU writes it. */
  | 'misplaced'
  /** Two structures claim the same bytes. */
  | 'overlap'
  /** The libvirt image says that its save was not finished. */
  | 'save-incomplete'
  /** No page of any block is marked: the save was cut off before QEMU wrote the bitmaps. */
  | 'bitmaps-empty'
  /** A bitmap marks pages that its block does not have. */
  | 'bitmap-tail'
  /** The byte order of the bitmaps cannot be told. */
  | 'bitmap-order'
  /** The end of the stream stands where it cannot be. */
  | 'early-eof'
  /** A section has no END, as QEMU's background snapshots leave it. */
  | 'not-ended'
  /** The stream ends and no RAM section was in it. */
  | 'no-ram'
  /** Pages were sent by a way that a file does not hold (multifd without mapped-ram, RDMA). */
  | 'pages-elsewhere'
  /** Without footers and description the device sections cannot be told apart. */
  | 'devices-unknown'
  /** The description's sizes and the sections' footers do not agree. */
  | 'description-disagrees'
  | 'description-unreadable'
  /** The file goes on after the end of the stream. */
  | 'trailing-bytes'
  /** Present pages without bytes in the file. */
  | 'lost-write'
  /** More problems or sections than are listed. */
  | 'too-many';

/** Most problems that are kept; a file with more is no better told by listing them. */
const MOST_PROBLEMS = 500;

/** Collects what is wrong with a file. */
export class Problems {
  readonly #list: Problem[];

  constructor(before: readonly Problem[] = []) {
    this.#list = [...before];
  }

  add(severity: Severity, code: ProblemCode, offset: number | null, message: string): void {
    if (this.#list.length > MOST_PROBLEMS) return;
    if (this.#list.length === MOST_PROBLEMS) {
      this.#list.push({
        code: 'too-many',
        severity: 'error',
        offset: null,
        message: `More than ${MOST_PROBLEMS} problems; the rest is not listed.`,
      });
      return;
    }
    this.#list.push({ code, severity, offset, message });
  }

  /** A failure that ended the parse. */
  addFailure(failure: Failure): void {
    const { offset, field } = failure.where;
    const code: ProblemCode =
      failure.code === 'format.truncated'
        ? 'truncated'
        : failure.code === 'format.unsupported'
          ? 'unsupported'
          : 'bad-value';
    this.add('error', code, offset ?? null, `${field === undefined ? '' : `${field}: `}${failure.what}.`);
  }

  get list(): readonly Problem[] {
    return this.#list;
  }
}
