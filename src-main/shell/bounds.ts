/** The window's place on the screen, remembered between starts. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { writeAside } from '../files/write-aside';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** `place` is null at the first start, and when the remembered place is on no screen: the system then chooses. */
export interface WindowBounds {
  readonly width: number;
  readonly height: number;
  readonly place: { readonly x: number; readonly y: number } | null;
  readonly maximized: boolean;
}

export const minimum = { width: 1024, height: 680 } as const;
const first: WindowBounds = { width: 1280, height: 800, place: null, maximized: false };

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(-100_000), v.maxValue(100_000));
const remembered = v.object({ x: whole, y: whole, width: whole, height: whole, maximized: v.boolean() });

/** Reads the remembered bounds; anything that is not right makes the window open as at the first start. */
export async function readBounds(file: string, screens: readonly Rectangle[]): Promise<WindowBounds> {
  const text = await readFile(file, 'utf8').catch(() => null);
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), remembered), text);
  return parsed.success ? fitted(parsed.output, parsed.output.maximized, screens) : first;
}

export async function writeBounds(file: string, rectangle: Rectangle, maximized: boolean): Promise<void> {
  const { x, y, width, height } = rectangle;
  await writeAside(file, JSON.stringify({ x, y, width, height, maximized }));
}

/** Not smaller than the minimum, not larger than the screen it is on, and reachable: its title bar is on a screen. */
export function fitted(wanted: Rectangle, maximized: boolean, screens: readonly Rectangle[]): WindowBounds {
  const screen = screens.find((area) => titleBarOn(wanted, area));
  const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(value, most));
  const width = clamp(wanted.width, minimum.width, screen?.width ?? first.width);
  const height = clamp(wanted.height, minimum.height, screen?.height ?? first.height);
  return { width, height, place: screen === undefined ? null : { x: wanted.x, y: wanted.y }, maximized };
}

/** At least this much of the title bar must be on the screen for a person to get hold of it. */
const grip = 64;

function titleBarOn(window: Rectangle, screen: Rectangle): boolean {
  const overlap = Math.min(window.x + window.width, screen.x + screen.width) - Math.max(window.x, screen.x);
  return overlap >= grip && window.y >= screen.y && window.y <= screen.y + screen.height - grip;
}
