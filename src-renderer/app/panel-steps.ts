/** F6: the next part of the window that can have the focus. Parts carry `data-panel`. */

const FOCUSABLE =
  'button:not(:disabled), a[href], input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex]:not([tabindex="-1"])';

const reachable = (element: HTMLElement): boolean => element.checkVisibility({ visibilityProperty: true });

/** Moves the focus to the first control of the next panel (`by` 1) or the previous one (−1). */
export function stepPanel(by: 1 | -1): void {
  const panels = [...document.querySelectorAll<HTMLElement>('[data-panel]')].filter(reachable);
  const at = panels.findLastIndex((panel) => panel.contains(document.activeElement));
  for (let tried = 1; tried <= panels.length; tried += 1) {
    const panel = panels[(at + by * tried + panels.length * 2) % panels.length];
    const target = [...(panel?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].find(reachable);
    if (target === undefined) continue;
    target.focus();
    return;
  }
}
