import { fail } from '@shared/contracts/failure';
import { describe, expect, test } from 'vitest';
import type { Json, Qmp } from '../services';
import { settled } from './migration';

/** A monitor that answers from lists, the last answer again and again; an Error is a refusal. */
function monitor(answers: Readonly<Record<string, (Json | Error)[]>>): Qmp {
  const execute = (command: string): Promise<Json> => {
    const left = answers[command] ?? [];
    const answer = left.length > 1 ? left.shift() : left[0];
    if (answer instanceof Error) return Promise.reject(answer);
    return answer === undefined ? Promise.reject(new Error(`nobody asks for ${command}`)) : Promise.resolve(answer);
  };
  return { execute } as unknown as Qmp;
}

const refusal = (detail: string) => fail('qemu.refused', 'asking', 'No', 'Nothing was changed.', { detail });

describe('A migration is settled', () => {
  test('when it is at rest and its yank instance is gone', async () => {
    const qmp = monitor({
      'query-migrate': [{ status: 'active' }, { status: 'completed' }],
      'query-yank': [[{ type: 'migration' }], [{ type: 'chardev', id: 'x' }]],
    });
    expect((await settled(qmp, 1000)).status).toBe('completed');
  });

  test('when it is at rest, of a QEMU that has no yank', async () => {
    const missing = refusal('CommandNotFound: The command query-yank has not been found');
    expect(
      (await settled(monitor({ 'query-migrate': [{ status: 'failed' }], 'query-yank': [missing] }), 1000)).status,
    ).toBe('failed');
  });

  test('not when the question is refused for another reason, nor when it takes too long', async () => {
    const other = monitor({ 'query-migrate': [{ status: 'completed' }], 'query-yank': [refusal('GenericError: no')] });
    await expect(settled(other, 1000)).rejects.toMatchObject({ failure: { code: 'qemu.refused' } });
    const stuck = monitor({ 'query-migrate': [{ status: 'completed' }], 'query-yank': [[{ type: 'migration' }]] });
    await expect(settled(stuck, 30)).rejects.toMatchObject({ failure: { code: 'qemu.timeout' } });
  });
});
