/** A worker's side for tests of parts of the inspector: what a test gives, and a rejection for everything else. */
import type { Inspector } from '@shared/contracts/inspector';
import { fail } from '@shared/contracts/failure';

export function inspectorOf(methods: Partial<Inspector>): Inspector {
  const refuse = (name: string) => (): Promise<never> =>
    Promise.reject(fail('internal', 'testing', `${name} is not given in this test`, 'Give it.'));
  return new Proxy(methods, {
    get: (given, name) => (Reflect.get(given, name) as unknown) ?? refuse(String(name)),
  }) as Inspector;
}
