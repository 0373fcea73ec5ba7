/** A regular expression as a program of small steps (Thompson's construction), and the closures the DFA is made of. */
import { fail } from '../contracts/failure';
import type { ByteSet } from './byte-set';
import type { RegexNode } from './regex-tree';

export type Step =
  /** Takes one byte of the set and goes on at `next`. */
  | { readonly kind: 'byte'; readonly set: ByteSet; readonly next: number }
  /** Goes on at both; what `first` finds goes before what `second` finds. */
  | { readonly kind: 'split'; readonly first: number; readonly second: number }
  | { readonly kind: 'match' };

export interface Program {
  readonly steps: readonly Step[];
  readonly start: number;
}

/** Most steps of a program: counted repetitions are written out. */
const MOST_STEPS = 20_000;

/** Throws `usage` when the expression, its repetitions written out, is too large. */
export function compileProgram(tree: RegexNode): Program {
  const steps: Step[] = [{ kind: 'match' }];
  const add = (step: Step): number => {
    if (steps.length >= MOST_STEPS) throw tooLarge();
    return steps.push(step) - 1;
  };
  /** Writes the steps of `node` in front of step `next`, and answers the first of them. */
  const before = (node: RegexNode, next: number): number => {
    switch (node.kind) {
      case 'set':
        return add({ kind: 'byte', set: node.set, next });
      case 'sequence':
        return node.parts.reduceRight((after, part) => before(part, after), next);
      case 'either':
        return node.options
          .map((option) => before(option, next))
          .reduceRight((second, first) => add({ kind: 'split', first, second }));
      case 'repeat':
        return repeat(node, next);
    }
  };
  const fork = (lazy: boolean, into: number, past: number): Step =>
    lazy ? { kind: 'split', first: past, second: into } : { kind: 'split', first: into, second: past };
  const repeat = (node: RegexNode & { readonly kind: 'repeat' }, next: number): number => {
    let entry = next;
    if (node.most === null) {
      entry = add({ kind: 'match' });
      steps[entry] = fork(node.lazy, before(node.node, entry), next);
    } else {
      for (let times = node.least; times < node.most; times++)
        entry = add(fork(node.lazy, before(node.node, entry), next));
    }
    for (let times = 0; times < node.least; times++) entry = before(node.node, entry);
    return entry;
  };
  return { start: before(tree, 0), steps };
}

const tooLarge = (): Error =>
  fail(
    'usage',
    'reading the regular expression',
    `with its repetitions written out it has more than ${MOST_STEPS} steps`,
    'Repeat less.',
    { where: { field: 'regular expression' } },
  );

/**
 * Lists of steps that take a byte, in the order in which their finds count; a match ends the list when it is cut, since what
 * comes after counts less.
 */
export class ClosureBuilder {
  readonly #program: Program;
  readonly #cut: boolean;
  readonly #seen: Uint32Array;
  #generation = 0;
  #list: number[] = [];
  #matched = false;

  /** `cut`: leftmost-first, as wanted forwards; otherwise every step counts alike. */
  constructor(program: Program, cut: boolean) {
    this.#program = program;
    this.#cut = cut;
    this.#seen = new Uint32Array(program.steps.length);
  }

  begin(): void {
    this.#generation++;
    this.#list = [];
    this.#matched = false;
  }

  /** Whether nothing more counts: a match was listed, and lists are cut there. */
  get closed(): boolean {
    return this.#cut && this.#matched;
  }

  get matched(): boolean {
    return this.#matched;
  }

  get list(): readonly number[] {
    return this.#list;
  }

  /** Adds what can be reached from `step` without a byte. */
  add(step: number): void {
    const stack = [step];
    for (let at = stack.pop(); at !== undefined && !this.closed; at = stack.pop()) {
      if (this.#seen[at] === this.#generation) continue;
      this.#seen[at] = this.#generation;
      const found = this.#program.steps[at];
      if (found?.kind === 'split') stack.push(found.second, found.first);
      else if (found?.kind === 'match') this.#matched = true;
      else this.#list.push(at);
    }
  }
}
