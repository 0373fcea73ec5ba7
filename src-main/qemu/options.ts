/** Reading QEMU's command line the way QEMU does: an option, then its value unless it is one of the few without. */

/** Options that take no value (qemu-options.def, QEMU 7 to 11, all targets). A test asks the installed QEMU for each. */
export const OPTIONS_WITHOUT_VALUE: ReadonlySet<string> = new Set(
  (
    'h help version S s snapshot usb full-screen nographic win2k-hack no-fd-bootchk no-acpi no-hpet preconfig ' +
    'enable-kvm mem-prealloc no-reboot no-shutdown daemonize nodefaults no-user-config only-migratable singlestep ' +
    'one-insn-per-tb semihosting xen-attach xen-domid-restrict enable-sync-profile perfmap jitdump portrait curses sdl ' +
    'old-param enable-fips async-teardown alt-grab ctrl-grab no-frame no-kvm'
  ).split(' '),
);

/** One option of a command line. `value` is null for one without a value and for a last one that lacks it. */
export interface QemuOption {
  readonly name: string;
  readonly value: string | null;
  /** Where it starts in argv. */
  readonly index: number;
}

/** The options in argv, without the program. A word that is no option is a disk image: QEMU reads it as `-hda`. */
export function readOptions(argv: readonly string[]): readonly QemuOption[] {
  const options: QemuOption[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (!word.startsWith('-') || word === '-') {
      options.push({ name: 'hda', value: word, index });
      continue;
    }
    const name = word.replace(/^--?/, '');
    const takesValue = !OPTIONS_WITHOUT_VALUE.has(name);
    options.push({ name, value: takesValue ? (argv[index + 1] ?? null) : null, index });
    if (takesValue) index += 1;
  }
  return options;
}

/** The properties of a value such as `socket,id=mon0,path=/tmp/a,,b`; a first word without `=` goes under `firstName`. */
export function readProperties(value: string, firstName: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  // A doubled comma stands for one comma (QEMU's util/keyval.c and qemu-option.c).
  const parts = (value.match(/(?:[^,]|,,)+/g) ?? []).map((part) => part.replaceAll(',,', ','));
  parts.forEach((part, position) => {
    const equals = part.indexOf('=');
    if (equals >= 0) properties.set(part.slice(0, equals), part.slice(equals + 1));
    else if (position === 0) properties.set(firstName, part);
    else if (part.startsWith('no')) properties.set(part.slice(2), 'off');
    else properties.set(part, 'on');
  });
  return properties;
}

/** Text as a part of a property list: commas doubled. */
export const escapeProperty = (text: string): string => text.replaceAll(',', ',,');

const DISPLAY_OPTIONS = new Set(['display', 'nographic', 'vnc', 'spice', 'curses', 'sdl']);

/** Whether the command line says where the display goes; without it QEMU opens a window. */
export function namesDisplay(argv: readonly string[]): boolean {
  return readOptions(argv).some((option) => DISPLAY_OPTIONS.has(option.name));
}

const SUFFIX: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4, p: 5, e: 6 };

/** Bytes of `-m 2G`, `-m size=512,slots=4`; a bare number counts MiB. Null for what QEMU would refuse. */
export function readMemorySize(value: string): number | null {
  const size = readProperties(value, 'size').get('size') ?? '';
  const match = /^(\d+(?:\.\d+)?)([bkmgtpe]?)$/i.exec(size);
  if (match === null) return null;
  const bytes = Math.floor(Number(match[1]) * 1024 ** (SUFFIX[(match[2] || 'm').toLowerCase()] ?? 2));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** What a command line says of its VM. */
export interface Outline {
  readonly name: string | null;
  readonly memoryBytes: number | null;
  readonly accelerator: string | null;
}

/** Name, memory and accelerator from argv, without the program; QEMU's defaults where it names none. */
export function outlineOf(argv: readonly string[]): Outline {
  const options = readOptions(argv);
  const last = (...names: readonly string[]): string | null =>
    options.filter((option) => names.includes(option.name) && option.value !== null).at(-1)?.value ?? null;
  const nameValue = last('name');
  const memoryValue = last('m');
  const accel = last('accel');
  const machineAccel = readProperties(last('machine', 'M') ?? '', 'type').get('accel') ?? null;
  const chosen = accel === null ? machineAccel : (readProperties(accel, 'accel').get('accel') ?? null);
  const kvm = options.some((option) => option.name === 'enable-kvm');
  return {
    name: nameValue === null ? null : (readProperties(nameValue, 'guest').get('guest') ?? null),
    memoryBytes: memoryValue === null ? 128 * 1024 * 1024 : readMemorySize(memoryValue),
    accelerator: chosen ?? (kvm ? 'kvm' : 'tcg'),
  };
}
