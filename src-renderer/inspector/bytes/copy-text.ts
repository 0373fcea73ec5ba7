/** Bytes as text for the clipboard. */
import { hexByte, hexText } from './byte-text';

export const COPY_FORMATS = ['hex', 'C array', 'text', 'base64', 'file offset'] as const;
/** `text`: UTF-8, and U+FFFD for what is none. */
export type CopyFormat = (typeof COPY_FORMATS)[number];

const C_COLUMNS = 12;
/** Arguments of a call have a limit of their own. */
const BASE64_STEP = 0x8000;

export function copyTextOf(format: Exclude<CopyFormat, 'file offset'>, bytes: Uint8Array): string {
  switch (format) {
    case 'hex':
      return hexText(bytes);
    case 'C array':
      return cArray(bytes);
    case 'text':
      // A zero ends what some programs paste.
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replaceAll('\0', '\ufffd');
    case 'base64':
      return base64(bytes);
  }
}

function cArray(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += C_COLUMNS)
    lines.push(`  ${Array.from(bytes.subarray(at, at + C_COLUMNS), (byte) => `0x${hexByte(byte)},`).join(' ')}`);
  return [`const unsigned char bytes[${bytes.length}] = {`, ...lines, '};'].join('\n');
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += BASE64_STEP)
    binary += String.fromCharCode(...bytes.subarray(at, at + BASE64_STEP));
  return btoa(binary);
}
