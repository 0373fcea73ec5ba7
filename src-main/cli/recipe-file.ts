/** Reading RECIPE: a file with a recipe as JSON, or with a QEMU command line as text. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { fail, type StillframeError } from '@shared/contracts/failure';
import type { NewMachine } from '@shared/contracts/machines';
import * as v from 'valibot';

const MAX_BYTES = 1024 * 1024;
const doing = 'reading the recipe';

const recipeFile = v.strictObject({
  name: v.optional(v.string()),
  program: v.optional(v.string(), 'qemu-system-x86_64'),
  argv: v.array(v.string()),
  env: v.optional(v.record(v.string(), v.string()), {}),
  cwd: v.optional(v.string()),
});

/**
 * A file that begins with `{` is JSON: `{"argv": […]}` and, if wanted, `name`, `program`, `env`, `cwd`. Anything else is a
 * command line. Relative paths in it count from the file's folder.
 *
 * @throws StillframeError `file.not-found`, `file.no-access`, `machine.bad-recipe`
 */
export async function readRecipeFile(file: string, cwd: string): Promise<NewMachine> {
  const where = path.resolve(cwd, file);
  const text = await readText(where);
  const name = path.basename(where).replace(/\.[^.]*$/, '');
  const folder = path.dirname(where);
  if (!text.trimStart().startsWith('{')) return { kind: 'command-line', name, commandLine: text, cwd: folder };
  const parsed = v.safeParse(recipeFile, parseJson(text, where));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw bad(where, issue.message, v.getDotPath(issue) ?? undefined);
  }
  const recipe = parsed.output;
  return {
    kind: 'recipe',
    recipe: { ...recipe, name: recipe.name ?? name, cwd: path.resolve(folder, recipe.cwd ?? '.') },
  };
}

async function readText(where: string): Promise<string> {
  // Without O_NONBLOCK the open of a pipe that nobody writes to would never end.
  const handle = await open(where, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw (cause as NodeJS.ErrnoException).code === 'ENOENT'
      ? fail('file.not-found', doing, 'there is no such file', 'Give a recipe file, a known machine or --demo.', {
          where: { path: where },
        })
      : fail('file.no-access', doing, 'it cannot be opened', 'Check the path and its permissions.', {
          where: { path: where },
          cause,
        });
  });
  try {
    if (!(await handle.stat()).isFile()) {
      throw fail('file.not-a-file', doing, 'it is no regular file', 'Give a recipe file, a known machine or --demo.', {
        where: { path: where },
      });
    }
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
    if (bytesRead > MAX_BYTES) throw bad(where, 'it is longer than 1 MiB');
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw bad(where, `it is no JSON (${cause instanceof Error ? cause.message : String(cause)})`);
  }
}

const bad = (where: string, what: string, field?: string): StillframeError =>
  fail('machine.bad-recipe', doing, what.replace(/\.$/, ''), 'Correct the file.', {
    where: { path: where, ...(field === undefined ? {} : { field }) },
  });
