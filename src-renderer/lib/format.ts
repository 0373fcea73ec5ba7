/**
 * Numbers, sizes and times as people read them here: a thin space between thousands, binary units for RAM and files of
 * RAM, decimal units for what is written and how fast. Units always follow a no-break space.
 */

const NBSP = '\u00a0';
/**
 * The no-break space of IBM Plex Sans is 0.24 em, a thin space elsewhere; its own narrow one (U+202F) is 0.12 em, and
 * thousands run together at 12 px.
 */
const THIN = NBSP;

const BINARY = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const DECIMAL = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A number and its unit, for places that set the two in different sizes. */
export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

const join = ({ value, unit }: Quantity): string => `${value}${NBSP}${unit}`;

/** `1670680` → `1 670 680`; fractions are cut. */
export function count(value: number): string {
  return Math.trunc(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** A count for a glance: four figures, `100642` → `100 600`. */
export function roughly(value: number): string {
  if (value < 10_000) return count(Math.round(value));
  const step = 10 ** (Math.floor(Math.log10(value)) - 3);
  return count(Math.round(value / step) * step);
}

function scaled(bytes: number, base: number, units: readonly string[]): { amount: number; step: number } {
  let amount = bytes;
  let step = 0;
  while (amount >= base && step < units.length - 1) {
    amount /= base;
    step += 1;
  }
  // 1023.996 MiB would print as 1024 MiB.
  if (step > 0 && step < units.length - 1 && Number(amount.toPrecision(4)) >= base) {
    amount /= base;
    step += 1;
  }
  return { amount, step };
}

function threeFigures(amount: number): string {
  if (amount >= 99.95) return count(Math.round(amount));
  return amount >= 9.995 ? amount.toFixed(1) : amount.toFixed(2);
}

/** Binary units: `268435456` → `256 MiB`, `8589934592` → `8.00 GiB`. Whole KiB and MiB are shown without a fraction. */
export function ramParts(bytes: number): Quantity {
  const { amount, step } = scaled(bytes, 1024, BINARY);
  const whole = step < 3 && Number.isInteger(amount);
  return { value: step === 0 || whole ? count(amount) : threeFigures(amount), unit: BINARY[step] ?? 'bytes' };
}

export const ram = (bytes: number): string => join(ramParts(bytes));

/** Decimal units: `6_840_000_000` → `6.84 GB`, `609_000_000` → `609 MB`. */
export function sizeParts(bytes: number): Quantity {
  const { amount, step } = scaled(bytes, 1000, DECIMAL);
  const unit = DECIMAL[step] ?? 'bytes';
  if (step === 0) return { value: count(amount), unit };
  if (step >= 3) return { value: threeFigures(amount), unit };
  return { value: amount < 9.95 && step === 2 ? amount.toFixed(1) : count(Math.round(amount)), unit };
}

export const size = (bytes: number): string => join(sizeParts(bytes));

/** Bytes per second as MB/s whatever the size, so that a column of rates can be compared. */
export function rateParts(bytesPerSecond: number): Quantity {
  const mega = bytesPerSecond / 1e6;
  return { value: mega > 0 && mega < 9.95 ? mega.toFixed(1) : count(Math.round(mega)), unit: 'MB/s' };
}

export const rate = (bytesPerSecond: number): string => join(rateParts(bytesPerSecond));

/** `0.42` → `42 %`; never 100 % before it is. */
export const percent = (fraction: number): string =>
  `${Math.min(fraction < 1 ? 99 : 100, Math.max(0, Math.round(fraction * 100)))}${NBSP}%`;

/** How long something took: `18 ms`, `0.3 s`, `16.9 s`, `2 min 5 s`, `1 h 4 min`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 99.5) return `${Math.round(milliseconds)}${NBSP}ms`;
  if (milliseconds < 99_950) return `${(milliseconds / 1000).toFixed(1)}${NBSP}s`;
  return wholeSeconds(Math.round(milliseconds / 1000));
}

/** How long it will take, coarser the longer it is; never below a second. */
export function timeLeft(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))}${NBSP}s`;
  return wholeSeconds(seconds < 600 ? Math.round(seconds / 5) * 5 : Math.round(seconds / 60) * 60);
}

function wholeSeconds(seconds: number): string {
  if (seconds < 3600) {
    const rest = seconds % 60;
    return `${Math.floor(seconds / 60)}${NBSP}min${rest ? ` ${rest}${NBSP}s` : ''}`;
  }
  const minutes = Math.round((seconds % 3600) / 60);
  return `${Math.floor(seconds / 3600)}${NBSP}h${minutes ? ` ${minutes}${NBSP}min` : ''}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `09:02`, in the person's time zone. */
export function clock(iso: string): string {
  const at = new Date(iso);
  return `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`;
}

/** `22 Nov`, with the year when it is not this one. */
export function day(iso: string, now = new Date()): string {
  const at = new Date(iso);
  const date = `${at.getDate()}${NBSP}${MONTHS[at.getMonth()] ?? ''}`;
  return at.getFullYear() === now.getFullYear() ? date : `${date}${NBSP}${at.getFullYear()}`;
}

/** `22 Nov 09:02` */
export const moment = (iso: string, now = new Date()): string => `${day(iso, now)} ${clock(iso)}`;

/** `4 s ago`, `12 min ago`, `2 h ago`, `yesterday, 18:40`, then the day. A clock that was set back reads as now. */
export function ago(iso: string, now = new Date()): string {
  const seconds = Math.max(0, (now.getTime() - new Date(iso).getTime()) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)}${NBSP}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${NBSP}min ago`;
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const at = new Date(iso).getTime();
  if (at >= midnight || seconds < 6 * 3600) return `${Math.floor(seconds / 3600)}${NBSP}h ago`;
  if (at >= midnight - 24 * 3600_000) return `yesterday, ${clock(iso)}`;
  return day(iso, now);
}

/** `1 snapshot`, `6 snapshots` */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)}${NBSP}${value === 1 ? one : many}`;
