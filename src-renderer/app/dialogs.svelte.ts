import type { ConversionOptions } from '@shared/contracts/conversions';
import type { SnapshotEntry } from '@shared/contracts/library';
import type { Machine } from '@shared/contracts/machines';
import type { ExportSubject } from '../inspector/export/export-plan';

/** A question before something ends or is lost. */
export interface Question {
  readonly title: string;
  /** What happens and what is lost. */
  readonly body: string;
  /** The verb that does it. */
  readonly act: string;
  /** The safe verb, which has the focus. */
  readonly keep: string;
}

interface Asked extends Question {
  readonly answer: (yes: boolean) => void;
}

/** The forms and lists that open above a view, with what they are about. */
export type DialogName =
  | { readonly kind: 'add-machine'; readonly way: 'command-line' | 'form' | 'demo'; readonly commandLine: string }
  | { readonly kind: 'attach' }
  | { readonly kind: 'machine-details'; readonly machine: Machine['id'] }
  | { readonly kind: 'save'; readonly machine: Machine['id'] }
  | { readonly kind: 'rename' | 'note'; readonly entry: SnapshotEntry }
  | {
      readonly kind: 'convert';
      readonly source: ConversionOptions['source'];
      readonly name: string;
      readonly mapped: boolean;
    }
  | { readonly kind: 'export'; readonly subject: ExportSubject }
  | { readonly kind: 'commands' | 'keys' | 'settings' };

/** At most one question above at most one dialog. */
export class Dialogs {
  asked = $state.raw<Asked | null>(null);
  shown = $state.raw<DialogName | null>(null);

  /** True when the person chose the verb. A second question answers the first with no. */
  ask(question: Question): Promise<boolean> {
    this.asked?.answer(false);
    return new Promise((resolve) => {
      this.asked = {
        ...question,
        answer: (yes) => {
          this.asked = null;
          resolve(yes);
        },
      };
    });
  }

  open(dialog: DialogName): void {
    this.shown = dialog;
  }

  readonly close = (): void => {
    this.shown = null;
  };
}
