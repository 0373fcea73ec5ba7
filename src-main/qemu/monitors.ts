/** The QMP monitors that a QEMU command line sets up. */
import { readOptions, readProperties, type QemuOption } from './options';

/** Where a QMP monitor is reached. */
export type MonitorPlace =
  /** A unix socket on which QEMU listens; the path may be relative to QEMU's folder. */
  | { readonly kind: 'unix'; readonly path: string }
  /** Given as an open descriptor by whoever started QEMU (libvirt does so). */
  | { readonly kind: 'fd'; readonly fd: string }
  /** Something else, in QEMU's words: `tcp:…`, `stdio`, `pipe`. */
  | { readonly kind: 'other'; readonly what: string };

export interface Monitor {
  readonly place: MonitorPlace;
  /** The options that make it, as places in argv. */
  readonly optionIndexes: readonly number[];
}

/** Every QMP monitor in argv (`-qmp`, `-qmp-pretty`, `-mon …,mode=control` with its `-chardev`), in order. */
export function qmpMonitors(argv: readonly string[]): readonly Monitor[] {
  const options = readOptions(argv);
  const chardevs = new Map<string, { readonly option: QemuOption; readonly properties: ReadonlyMap<string, string> }>();
  for (const option of options) {
    if (option.name !== 'chardev' || option.value === null) continue;
    const properties = readProperties(option.value, 'backend');
    chardevs.set(properties.get('id') ?? '', { option, properties });
  }
  return options.flatMap((option): readonly Monitor[] => {
    if (option.value === null) return [];
    if (option.name === 'qmp' || option.name === 'qmp-pretty') {
      return [{ place: placeOfShort(option.value), optionIndexes: [option.index] }];
    }
    if (option.name !== 'mon') return [];
    const mon = readProperties(option.value, 'chardev');
    const chardev = chardevs.get(mon.get('chardev') ?? '');
    if (mon.get('mode') !== 'control' || chardev === undefined) return [];
    return [{ place: placeOfChardev(chardev.properties), optionIndexes: [option.index, chardev.option.index] }];
  });
}

/** `unix:/run/vm.sock,server=on,wait=off` and the like. */
function placeOfShort(value: string): MonitorPlace {
  const [what = ''] = value.split(',', 1);
  if (!value.startsWith('unix:')) return { kind: 'other', what };
  const properties = readProperties(value.slice('unix:'.length), 'path');
  const path = properties.get('path');
  return path === undefined || !listens(properties) ? { kind: 'other', what } : { kind: 'unix', path };
}

function placeOfChardev(properties: ReadonlyMap<string, string>): MonitorPlace {
  const backend = properties.get('backend') ?? '';
  const path = properties.get('path');
  const fd = properties.get('fd');
  if (backend !== 'socket') return { kind: 'other', what: backend };
  if (!listens(properties)) return { kind: 'other', what: 'a socket that QEMU connects to' };
  if (path !== undefined) return { kind: 'unix', path };
  return fd === undefined ? { kind: 'other', what: 'a network socket' } : { kind: 'fd', fd };
}

const listens = (properties: ReadonlyMap<string, string>): boolean => (properties.get('server') ?? 'off') !== 'off';
