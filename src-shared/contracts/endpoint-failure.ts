/**
 * The form in which a failure crosses a port. Structured clone keeps only an Error's name, message and stack, so comlink's
 * own form would lose code, place and advice.
 */
import { transferHandlers, type TransferHandler } from 'comlink';
import { fileOffset } from '../bytes/units';
import { StillframeError, failureCodes, failureOf, type Failure, type FailureCode, type Place } from './failure';

/** Longer texts from a peer are cut: a failure is read by people. */
const maxText = 64 * 1024;
const maxCauses = 8;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const text = (value: unknown, otherwise: string): string =>
  typeof value === 'string' ? value.slice(0, maxText) : otherwise;
const isCode = (value: unknown): value is FailureCode => (failureCodes as readonly unknown[]).includes(value);

function placeFrom(value: unknown): Place {
  if (!isRecord(value)) return {};
  const { path, offset, field } = value;
  return {
    ...(typeof path === 'string' ? { path: text(path, '') } : {}),
    ...(Number.isSafeInteger(offset) && Number(offset) >= 0 ? { offset: fileOffset(Number(offset)) } : {}),
    ...(typeof field === 'string' ? { field: text(field, '') } : {}),
  };
}

/** A failure out of what a peer sent, whatever that is: unknown codes become `internal`, texts and causes are bounded. */
export function failureFrom(value: unknown, causesLeft = maxCauses): Failure {
  const raw = isRecord(value) ? value : {};
  return {
    code: isCode(raw['code']) ? raw['code'] : 'internal',
    doing: text(raw['doing'], 'calling a worker'),
    what: text(raw['what'], 'the other side failed and did not say how'),
    where: placeFrom(raw['where']),
    todo: text(raw['todo'], ''),
    ...(typeof raw['detail'] === 'string' ? { detail: text(raw['detail'], '') } : {}),
    ...(isRecord(raw['cause']) && causesLeft > 0 ? { cause: failureFrom(raw['cause'], causesLeft - 1) } : {}),
  };
}

/** Makes comlink carry thrown things as Failures. Once per process is enough; again does no harm. */
export function useFailureWireForm(): void {
  const base = transferHandlers.get('throw');
  if (base === undefined) throw new Error('comlink has no throw handler');
  const handler: TransferHandler<{ value: unknown }, Failure> = {
    canHandle: (value): value is { value: unknown } => base.canHandle(value),
    serialize: ({ value }) => [failureOf(value, 'answering a call'), []],
    deserialize: (failure) => {
      throw new StillframeError(failureFrom(failure));
    },
  };
  transferHandlers.set('throw', handler);
}
