import type { AppEvent, Settings } from '@shared/contracts/app';
import type { Services } from '../services';

/** Tells the page about every change in the services, in whole values. */
export function tellChanges(
  services: Pick<Services, 'machines' | 'saves' | 'library' | 'conversions'>,
  onSettings: (listener: (settings: Settings) => void) => void,
  emit: (event: AppEvent) => void,
): void {
  services.machines.onChange((machines) => emit({ kind: 'machines', machines }));
  services.saves.onProgress((job) => emit({ kind: 'save', job }));
  services.conversions.onProgress((job) => emit({ kind: 'conversion', job }));
  services.library.onChange(
    onceAtATime(async () => emit({ kind: 'library', overview: await services.library.overview() })),
  );
  onSettings((settings) => emit({ kind: 'settings', settings }));
}

/** Calls that come while one runs become one more call after it: the last state is told, a burst costs two. */
export function onceAtATime(run: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const loop = async (): Promise<void> => {
    do {
      again = false;
      await run().catch((error: unknown) => console.error('stillframe: a change could not be told:', error));
    } while (again);
    running = false;
  };
  return () => {
    again = true;
    if (running) return;
    running = true;
    void loop();
  };
}
