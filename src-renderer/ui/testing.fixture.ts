/** For component tests: mounts a component into the document and takes it out again after the test. */
import { flushSync, mount, unmount, type Component } from 'svelte';
import { onTestFinished } from 'vitest';

/** The element that holds the component. Changes of state are drawn when `flushSync` has run. */
export function show<Props extends object>(component: Component<Props>, props: NoInfer<Props>): HTMLElement {
  const target = document.createElement('div');
  document.body.append(target);
  const shown = mount<Props, object>(component, { target, props });
  flushSync();
  onTestFinished(async () => {
    await unmount(shown);
    target.remove();
  });
  return target;
}

/** The only element that matches; throws when there is none or more than one. */
export function the(root: ParentNode, selector: string): HTMLElement {
  const [found, ...more] = root.querySelectorAll<HTMLElement>(selector);
  if (found === undefined || more.length > 0)
    throw new Error(`${selector} matches ${found ? more.length + 1 : 0} elements`);
  return found;
}

/** The text of an element, with every run of white space as one space. */
export const textOf = (element: Element): string => (element.textContent ?? '').replace(/\s+/g, ' ').trim();

/** Puts a value into a field as typing does. */
export function type(field: HTMLInputElement | HTMLTextAreaElement, value: string): void {
  field.value = value;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
}

/** The only field that matches. */
export function field(root: ParentNode, selector: string): HTMLInputElement {
  const found = the(root, selector);
  if (!(found instanceof HTMLInputElement)) throw new Error(`${selector} is no field`);
  return found;
}
