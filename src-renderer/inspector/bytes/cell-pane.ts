/** The cells of one row in one pane, kept as elements: of a new row only what differs from the last is written. */
import type { Cell } from './cells';

interface Drawn {
  readonly element: HTMLElement;
  readonly content: Text;
  text: string;
  className: string;
}

export class CellPane {
  readonly #drawn: Drawn[] = [];

  constructor(
    readonly pane: HTMLElement,
    readonly which: 'hex' | 'ascii',
  ) {}

  draw(cells: readonly Cell[]): void {
    while (this.#drawn.length > cells.length) this.#drawn.pop()?.element.remove();
    cells.forEach((cell, index) => {
      const [text, className] = this.which === 'hex' ? [cell.hex, cell.hexClass] : [cell.ascii, cell.asciiClass];
      const drawn = this.#drawn[index] ?? this.#add();
      if (drawn.text !== text) drawn.content.data = drawn.text = text;
      if (drawn.className !== className) drawn.element.className = drawn.className = className;
    });
  }

  #add(): Drawn {
    const element = document.createElement('span');
    const content = document.createTextNode('');
    element.append(content);
    this.pane.append(element);
    const drawn = { element, content, text: '', className: '' };
    this.#drawn.push(drawn);
    return drawn;
  }
}
