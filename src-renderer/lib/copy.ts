import { sentenceOf, type Failure } from '@shared/contracts/failure';
import { app } from './client';

/** A failure with everything known about it, for a bug report: one line per cause, then the details. */
export function detailsOf(failure: Failure): string {
  const lines: string[] = [];
  for (let at: Failure | undefined = failure; at !== undefined; at = at.cause) {
    lines.push(`${at.code} while ${at.doing}: ${sentenceOf(at)}`);
    if (at.detail !== undefined) lines.push(at.detail.trim());
  }
  return lines.join('\n');
}

/** Puts the details on the clipboard. */
export const copyDetails = (failure: Failure): Promise<void> => app.shell.copyText(detailsOf(failure));
