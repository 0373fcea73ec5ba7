/** What axe-core finds wrong with a part of the page: rules of WCAG 2.2, levels A and AA. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Each violation below the elements that match, as `rule: what is wrong: element`. Runs as DevTools do, past the page's policy. */
export async function axeViolations(page: Page, selector: string): Promise<string[]> {
  await page.evaluate(`${await readFile(SOURCE, 'utf8')}; undefined`);
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run(${JSON.stringify(selector)}, { runOnly: ${JSON.stringify(TAGS)} }).then(({ violations }) => violations)`,
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 160)} (${failureSummary})`),
  );
}
